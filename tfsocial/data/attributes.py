"""Columns beside text and label: a group, a user, a list, a time, a domain.

Values are kept as they are written. Of each example there is a number, of each different value the
text, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

NONE = -1  # the code of an example that has no value


@dataclass(frozen=True, eq=False)
class Attribute(Sequence[str]):
    """One such column of n examples; a sequence of its values, "" where an example has none.

    Attributes:
        codes: int32 [n], each example's place in `values`, `NONE` where it has none.
        values: each value that occurs, once.

    >>> language = Attribute(np.array([1, -1, 1, 0], np.int32), ("de", "fr"))
    >>> list(language), language[3], language[:2]
    (['fr', '', 'fr', 'de'], 'de', ['fr', ''])
    >>> list(language.taken(np.array([3, 0])))
    ['de', 'fr']
    """

    codes: np.ndarray
    values: tuple[str, ...]

    @classmethod
    def without(cls, count: int) -> Attribute:
        """Make the column of so many examples that have no value."""
        return cls(np.full(count, NONE, np.int32), ())

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self._value(code) for code in self.codes[place]]
        return self._value(self.codes[place])

    def _value(self, code: int) -> str:
        return self.values[code] if code != NONE else ""

    def taken(self, rows: np.ndarray) -> Attribute:
        """Take these rows, int [m], in this order."""
        return replace(self, codes=self.codes[rows])


def joined(parts: Sequence[Attribute]) -> Attribute:
    """Join columns of one name, one after the other; a value has one code in all of them.

    >>> parts = [Attribute(np.array([0, 1], np.int32), ("a", "b")), Attribute.without(1)]
    >>> both = joined([*parts, Attribute(np.array([1, 0], np.int32), ("c", "b"))])
    >>> both.values, both.codes.tolist()
    (('a', 'b', 'c'), [0, 1, -1, 1, 2])
    """
    numbers: dict[str, int] = {}
    codes = [_renumbered(part, numbers) for part in parts]
    return Attribute(np.concatenate(codes), tuple(numbers))


def _renumbered(part: Attribute, numbers: dict[str, int]) -> np.ndarray:
    """Number a column's codes by `numbers`, which grows by the values it lacks."""
    ours = [numbers.setdefault(value, len(numbers)) for value in part.values]
    return np.array([*ours, NONE], np.int32)[part.codes]  # the last place is that of NONE
