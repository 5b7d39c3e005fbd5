"""The pool's texts and the labelled ones, from files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import Row
from tfsocial.data.reading.text_cells import Text
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError, nearest
from tfsocial.init import columns, table
from tfsocial.init.columns import Kind

LOOKED_AT = 1000  # rows that columns are guessed from
TextTuple = tuple[str, ...]  # the one or two texts of an example


@dataclass(frozen=True)
class Pool:
    """Texts that may be labelled.

    Attributes:
        path: their file.
        columns: of the texts, one or two.
        texts: of the n readable rows.
        rows: their places in the file, ascending int [n].
        unreadable: rows without a usable text.
    """

    path: Path
    columns: tuple[str, ...]
    texts: list[TextTuple]
    rows: np.ndarray
    unreadable: int


@dataclass(frozen=True)
class Labelled:
    """Texts with labels.

    Attributes:
        column: of the labels.
        kind: classify, multilabel or regress.
        texts: of the m rows with a label.
        labels: of each, several of multilabel ones; as they are written.
    """

    column: str
    kind: Kind
    texts: list[TextTuple]
    labels: list[tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """All labels, sorted."""
        return sorted({name for several in self.labels for name in several})


def read_pool(path: Path, text: Sequence[str]) -> Pool:
    """Read the texts of a pool.

    Raises:
        InputError: the file cannot be read, no column reads like text, or one named is not there.
    """
    found = tuple(text) or columns.text_columns(_head(path))
    texts, rows, unreadable = [], [], 0
    for number, row in enumerate(read_texts(path, found)):
        if isinstance(row, Text):
            texts.append(row.columns)
            rows.append(number)
        else:
            unreadable += 1
    if not texts:
        raise InputError(f"--pool={path}: no row has a text in column {found[0]!r}")
    return Pool(path, found, texts, np.array(rows, np.int64), unreadable)


def _head(path: Path) -> table.Table:
    rows = [row.values for row in islice(read_rows(path), LOOKED_AT) if isinstance(row, Row)]
    names = dict.fromkeys(name for row in rows for name in row)
    return table.Table({name: [table.cell(row.get(name)) for row in rows] for name in names})


def read_labelled(
    paths: Sequence[Path], text: tuple[str, ...], label: str | None
) -> Labelled | None:
    """Read the rows that have a label, of all files one after the other; None without any file.

    Args:
        text: columns, those of the pool.
        label: column; None: guessed.

    Raises:
        InputError: a file cannot be read or lacks a column.
    """
    if not paths:
        return None
    tables = [table.read(path) for path in paths]
    column = label or _label_column(paths[0], tables[0], text)
    pairs = [
        pair
        for path, read in zip(paths, tables, strict=True)
        for pair in _pairs(path, read, text, column)
    ]
    cells = [cell for _, cell in pairs]
    described = columns.labels_of(column, cells)
    kind = described.kind if described else "classify"
    separator = described.separator if described else table.SEPARATOR
    labels = [
        tuple(columns.parts(cell, separator)) if kind == "multilabel" else (cell,) for cell in cells
    ]
    return Labelled(column, kind, [both for both, _ in pairs], labels)


def _pairs(
    path: Path, read: table.Table, text: tuple[str, ...], column: str
) -> Iterator[tuple[TextTuple, str]]:
    """Give texts and cell of the rows that have both."""
    for name in (*text, column):
        if name not in read.columns:
            known = nearest(name, list(read.columns))
            raise InputError(f"--labelled={path}: has no column {name!r}; {known}")
    texts = zip(*(read.columns[name] for name in text), strict=True)
    for both, cell in zip(texts, read.columns[column], strict=True):
        if cell and all(both):
            yield both, cell


def _label_column(path: Path, read: table.Table, text: tuple[str, ...]) -> str:
    rest = [name for name in read.columns if name not in text]
    called = [name for name in rest if columns.is_called(columns.LABEL_NAMES, name)]
    for candidates in (called, rest):
        if len(candidates) == 1:
            return candidates[0]
    raise InputError(
        f"--labelled={path}: which column has the labels? Name it: --label=COLUMN "
        f"(there are {', '.join(called or rest) or 'none beside the text'})"
    )


def taken(path: Path, rows: Iterable[int]) -> Iterator[Row]:
    """Read these rows of a file again, in the order of the file."""
    wanted = set(rows)
    for number, row in enumerate(read_rows(path)):
        if number in wanted:
            assert isinstance(row, Row), "its text was read before"
            yield row
