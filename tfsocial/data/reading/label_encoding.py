"""Labels as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tfsocial import config, errors
from tfsocial.data.examples import Origin
from tfsocial.data.reading.label_cells import Cell, Label, labels_in
from tfsocial.data.reading.label_columns import LabelColumn, ValueColumn
from tfsocial.data.reading.rows import listed
from tfsocial.errors import InputError


def encode_labels(
    name: str,
    task: config.Task,
    cells: LabelColumn[Label] | ValueColumn,
    names: Sequence[str],
    origin: Origin,
) -> np.ndarray:
    """Encode labels of one task: int32 [n], or float32 [n, classes] or [n, 1]."""
    if isinstance(cells, ValueColumn):
        return cells.encoded()
    index = {label: number for number, label in enumerate(names)}
    _check_known(name, task, cells, index, origin)
    if task.kind == "classify":
        numbers = [next(_numbers(cell, index), -1) for cell in cells.different]
        return cells.encoded(np.array(numbers, np.int32))
    return cells.encoded(_multi_hot(cells.different, index))


def _multi_hot(cells: Sequence[Cell], index: Mapping[str, int]) -> np.ndarray:
    hot = np.zeros((len(cells), len(index)), np.float32)
    for row, cell in enumerate(cells):
        hot[row, list(_numbers(cell, index))] = 1.0
    hot[[cell is None for cell in cells]] = np.nan
    return hot


def _numbers(cell: Cell, index: Mapping[str, int]) -> Iterator[int]:
    return (index[label] for label in labels_in([cell]))


def _check_known(
    name: str,
    task: config.Task,
    cells: LabelColumn[Label],
    index: Mapping[str, int],
    origin: Origin,
) -> None:
    first: dict[str, Cell] = {}  # of each unknown label, in the order of their rows
    for cell in cells.different:
        for label in labels_in([cell]):
            if label not in index:
                first.setdefault(label, cell)
    if first:
        where = origin.where(cells.first(next(iter(first.values()))))
        raise InputError(_unknown_labels(name, task, list(first), where, list(index)))


def _unknown_labels(
    name: str, task: config.Task, unknown: Sequence[str], where: str, known: Sequence[str]
) -> str:
    which = f"{where}: task {name} has no label {unknown[0]!r}"
    others = f" (nor {listed(unknown[1:])}, further down)" if unknown[1:] else ""
    if task.labels is not None:
        return f"{which}{others} in tasks.{name}.labels; {errors.nearest(unknown[0], known)}"
    close = errors.nearest(unknown[0], known)
    hint = f" ({close})" if close.startswith("did") else ""
    return (
        f"{which}{others}: the labels are learned from the train split, which lacks it{hint}; "
        f"correct the row or list all labels in tasks.{name}.labels"
    )
