"""The label of a row, as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tfsocial import config
from tfsocial.data.reading.number_cells import number_of
from tfsocial.data.reading.rows import flaw_of, json_type
from tfsocial.data.reading.text_cells import CellError

Label = str | frozenset[str] | float
Cell = Label | None


def label_of(value: Any, task: config.Task) -> Cell:
    """Read a task's label as written, None where the row has none.

    Raises:
        _RejectedError: the value is no label of this kind of task.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _CELLS[task.kind](value, task)
    except CellError as reason:
        raise CellError(f"column {task.column!r} {reason}") from None


def _one_label(value: Any, task: config.Task) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise CellError(f"is {json_type(value)}; expected a label")
    label = str(value).strip()
    flaw = flaw_of(label)
    if flaw:
        raise CellError(f"has a label with {flaw}")
    return label


def _label_set(value: Any, task: config.Task) -> frozenset[str] | None:
    """Read a cell's labels; a JSON list may be empty, which says that no label applies."""
    if isinstance(value, list):
        return frozenset(_one_label(item, task) for item in value) - {""}
    pieces = _one_label(value, task).split(task.separator)
    return frozenset(piece.strip() for piece in pieces if piece.strip()) or None


def _number(value: Any, task: config.Task) -> float:
    return number_of(value)


_CELLS: dict[str, Callable[[Any, config.Task], Cell]] = {
    "classify": _one_label,
    "multilabel": _label_set,
    "regress": _number,
}


def labels_in(cells: Iterable[Cell]) -> Iterator[str]:
    """Yield every label in the cells, as often as it occurs."""
    for cell in cells:
        if isinstance(cell, str):
            yield cell
        elif isinstance(cell, frozenset):
            yield from sorted(cell)
