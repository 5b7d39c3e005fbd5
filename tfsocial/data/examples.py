"""Examples in columns: of a split, and of all splits of a run with their label sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from tfsocial.data import attributes
from tfsocial.data.attributes import Attribute
from tfsocial.data.reading import mmap_columns

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Origin:
    """Where n rows came from: `files[file[i]]` at `line[i]`; file, line int32 [n]."""

    files: tuple[str, ...]
    file: np.ndarray
    line: np.ndarray

    def where(self, row: int) -> str:
        """Name a row as 'FILE:LINE'.

        >>> Origin(("a.csv",), np.array([0, 0]), np.array([2, 3])).where(1)
        'a.csv:3'
        """
        return f"{self.files[self.file[row]]}:{self.line[row]}"


@dataclass(frozen=True)
class Examples:
    """One split in columns; row i of each is example i of n.

    labels: task -> classify int32 [n], -1 without a label; multilabel float32
    [n, classes] of 0 and 1, regress float32 [n, 1], NaN without a label.

    attributes: name -> what its column beside them says of each example.

    With `data.cache` all of it lies in files, and texts are read from there when asked for.
    """

    text: Sequence[str]
    pair: Sequence[str] | None
    labels: dict[str, np.ndarray]
    origin: Origin
    attributes: dict[str, Attribute] = field(default_factory=dict)

    @classmethod
    def of_texts(cls, texts: Sequence[str], pair: Sequence[str] | None = None) -> Examples:
        """Make examples of texts alone, from nowhere and without a label."""
        return cls(texts, pair, {}, Origin((), np.zeros(0, np.int32), np.zeros(0, np.int32)))

    def __len__(self) -> int:
        return len(self.text)

    def taken(self, rows: np.ndarray) -> Examples:
        """Take these rows, int [m], in this order."""
        origin = replace(self.origin, file=self.origin.file[rows], line=self.origin.line[rows])
        return Examples(
            mmap_columns.taken(self.text, rows),
            None if self.pair is None else mmap_columns.taken(self.pair, rows),
            {task: values[rows] for task, values in self.labels.items()},
            origin,
            {name: column.taken(rows) for name, column in self.attributes.items()},
        )


@dataclass(frozen=True)
class Counts:
    """Rows of a split: read = usable + quarantined."""

    read: int
    usable: int
    quarantined: int


class Part(NamedTuple):
    """What one source gave to a split: so many examples, beside each other there."""

    size: int
    counts: Counts


@dataclass(frozen=True)
class Corpus:
    """The configured splits and each task's label set (empty for regress).

    parts: split -> the key of each source it has rows of -> its part, in their order.
    """

    splits: dict[str, Examples]
    label_names: dict[str, tuple[str, ...]]
    counts: dict[str, Counts]
    parts: dict[str, dict[str, Part]] = field(default_factory=dict)


def joined(parts: Sequence[Examples], columns: Iterable[str] = ()) -> Examples:
    """Put examples of several sources one after the other.

    Args:
        columns: names of attributes that they have, whichever part has values for them.
    """
    every = dict.fromkeys([*columns, *chain.from_iterable(part.attributes for part in parts)])
    if len(parts) == 1:
        lacking = {name: Attribute.without(len(parts[0])) for name in every}
        return replace(parts[0], attributes=lacking | parts[0].attributes)
    origins = [part.origin for part in parts]
    before = np.cumsum([0, *(len(origin.files) for origin in origins)])
    numbers = [origin.file + start for origin, start in zip(origins, before, strict=False)]
    origin = Origin(
        tuple(chain.from_iterable(origin.files for origin in origins)),
        np.concatenate(numbers).astype(np.int32),
        np.concatenate([origin.line for origin in origins]),
    )
    both = {
        name: attributes.joined(
            [part.attributes.get(name) or Attribute.without(len(part)) for part in parts]
        )
        for name in every
    }
    pairs = [part.pair for part in parts if part.pair is not None]  # of all parts or of none
    return Examples(
        mmap_columns.joined([part.text for part in parts]),
        mmap_columns.joined(pairs) if pairs else None,
        {task: np.concatenate([part.labels[task] for part in parts]) for task in parts[0].labels},
        origin,
        both,
    )


def has_label(labels: np.ndarray) -> np.ndarray:
    """Tell which labels of a task of any kind (see `Examples`) are there, bool [n].

    >>> has_label(np.array([2, -1])).tolist(), has_label(np.array([[1.0], [np.nan]])).tolist()
    ([True, False], [True, False])
    """
    return labels >= 0 if labels.ndim == 1 else np.isfinite(labels).all(-1)
