"""A file of any format as columns of strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import BadRow, sound
from tfsocial.errors import InputError

SEPARATOR = "|"  # between the items of a list, as multilabel cells have it


@dataclass(frozen=True)
class Table:
    """The readable rows of a file.

    Attributes:
        columns: name -> cells, n strings without blanks around them; "" where there is nothing.
        bad: rows that cannot be read, with the reason.
    """

    columns: Mapping[str, Sequence[str]]
    bad: Sequence[BadRow] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def taken(self, rows: np.ndarray) -> Table:
        """Take these rows, int [m], in this order."""
        return Table({name: [cells[row] for row in rows] for name, cells in self.columns.items()})


def read(path: Path) -> Table:
    """Read csv, tsv, jsonl or txt, .gz or not, whole.

    Raises:
        InputError: the file cannot be read, or no row of it can be used.
    """
    rows = list(sound(read_rows(path), str(path)))
    bad = [row for row in rows if isinstance(row, BadRow)]
    values = [row.values for row in rows if not isinstance(row, BadRow)]
    if not values:
        first = bad[0]
        raise InputError(f"{path}:{first.line}: {first.reason}; no row of the file can be used")
    names = list(dict.fromkeys(name for row in values for name in row))
    return Table({name: [cell(row.get(name)) for row in values] for name in names}, bad)


def cell(value: Any) -> str:
    """Write a value as a cell.

    >>> cell(" a "), cell(3), cell(["new", "loud"]), cell(None)
    ('a', '3', 'new|loud', '')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return SEPARATOR.join(map(str, value))
    return str(value).strip()
