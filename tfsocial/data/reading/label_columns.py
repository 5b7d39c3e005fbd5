"""Columns of labels while a split is read."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import numpy as np

from tfsocial.data.reading import mmap_columns
from tfsocial.data.reading.label_cells import Cell
from tfsocial.data.reading.mmap_columns import Numbers

Written = TypeVar("Written", bound=Hashable)


class LabelColumn(Generic[Written]):
    """Cells of one column as they are written: each that occurs, once, and which; None is none."""

    def __init__(self, folder: str | None):
        self._numbers: dict[Written | None, int] = {}
        self._which = Numbers("i", folder)
        self._folder = folder

    def append(self, cell: Written | None) -> None:
        self._which.append(self._numbers.setdefault(cell, len(self._numbers)))

    @property
    def different(self) -> tuple[Written | None, ...]:
        """In the order in which they first occur."""
        return tuple(self._numbers)

    @property
    def lacking(self) -> bool:
        """Whether no cell holds a label."""
        return not self._numbers.keys() - {None, frozenset()}

    def first(self, cell: Written | None) -> int:
        """Find the first row that holds it."""
        return int(np.argmax(self._which.stored() == self._numbers[cell]))

    def encoded(self, values: np.ndarray) -> np.ndarray:
        """Give each cell its value; `values`, int32 or float32 [different, ...], are in order."""
        return mmap_columns.gathered(values, self._which.stored(), self._folder)


class ValueColumn:
    """Cells of one task that are numbers, NaN where there is none."""

    def __init__(self, folder: str | None):
        self._values = Numbers("f", folder)
        self.lacking = True

    def append(self, cell: Cell) -> None:
        if isinstance(cell, str | frozenset):
            raise TypeError("labels in a column of numbers")
        self._values.append(np.nan if cell is None else cell)
        self.lacking &= cell is None

    def encoded(self) -> np.ndarray:
        """Return the values, float32 [n, 1], NaN where there is none."""
        return self._values.stored().reshape(-1, 1)
