"""What can be recommended: items with a text, a price, a date, and a vector of the text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tfsocial.errors import InputError


@dataclass(frozen=True)
class Catalog:
    """Items, known by their names; a later catalogue may have more of them, or others.

    Attributes:
        names: no two alike.
        prices: float32 [n], nan where unknown.
        listed: float64 [n], seconds since 1970 at which an item could first be had.
        vectors: float32 [n, d], rows of length 1, or of zeros where there is no text.
        columns: further numbers of the items, float32 [n] each, nan where unknown.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...]
    prices: np.ndarray
    listed: np.ndarray
    vectors: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {
            "texts": len(self.texts),
            "prices": len(self.prices),
            "listed": len(self.listed),
            "vectors": len(self.vectors),
            **{name: len(values) for name, values in self.columns.items()},
        }
        for name, length in lengths.items():
            if length != len(self.names):
                raise InputError(
                    f"catalogue: {name} has {length} rows for {len(self.names)} names; "
                    "give one of each item"
                )
        for name in self.columns:
            if not re.fullmatch(r"\w+", name):
                raise InputError(
                    f"catalogue: column {name!r}: name it by letters, digits and _ alone"
                )
        if len(self.position) != len(self.names):
            raise InputError(f"catalogue: {_twice(self.names)!r} stands twice; name each item once")

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def position(self) -> dict[str, int]:
        """The row of each name."""
        return {name: row for row, name in enumerate(self.names)}

    def rows(self, names: Sequence[str]) -> np.ndarray:
        """Give the row of each name, int64 [k], -1 for names that are not here."""
        return np.array([self.position.get(name, -1) for name in names], np.int64)


def _twice(names: Sequence[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
