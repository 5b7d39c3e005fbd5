"""A labelled file of any kind becomes an evaluation set for a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsocial.data.reading.feature_cells import Feature, FeatureCell, cells_of, check_present
from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import BadRow, Row, bad, flaw_of
from tfsocial.data.reading.text_cells import CellError
from tfsocial.errors import InputError, nearest
from tfsocial.evaluation.contract import EvaluationSet, Manifest
from tfsocial.metrics.labelled import OutputSpec, is_labelled


@dataclass(frozen=True)
class Columns:
    """Which columns of a file say what; what is left out is guessed from the model.

    Attributes:
        text: one or two; left out, those the model was trained on.
        labels: task -> column; a task left out takes the column of its name, if there is one, and
            the only task of a model the column `label`.
        attributes: to slice by.
        separator: between the labels of a multilabel cell.
    """

    text: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    separator: str = "|"


class ReadSet(NamedTuple):
    """The examples of a file, and the rows that could not be read."""

    examples: EvaluationSet
    unreadable: list[BadRow]


def read(path: Path, manifest: Manifest, columns: Columns = Columns()) -> ReadSet:
    """Read a csv, tsv or jsonl file with labels, plain or .gz.

    Raises:
        InputError: the file cannot be read or lacks a column, a label is not the model's, no
            row is readable, or none has a label.
    """
    resolved = _resolved(path, manifest, columns)
    features = list(manifest.features.values())
    check_present(str(path), _names(path), features)
    rows, unreadable = _usable(path, resolved, features)
    labels = {
        task: _encoded(manifest.tasks[task], task, column, rows, resolved.separator)
        for task, column in resolved.labels.items()
    }
    if not any(is_labelled(manifest.tasks[task], values).any() for task, values in labels.items()):
        named = ", ".join(repr(column) for column in resolved.labels.values())
        raise InputError(
            f"{path}: no row has a label in column {named}; there is nothing to score against"
        )
    texts = [tuple(row.values[name] for name in resolved.text) for row in rows]
    attributes = {
        name: [_attribute(row.values.get(name)) for row in rows] for name in resolved.attributes
    }
    beside = [_features(row, features) for row in rows] if features else []
    return ReadSet(EvaluationSet(texts, labels, attributes, beside), unreadable)


def _attribute(value: Any) -> str:
    return "" if value is None else str(value).strip()


# --- which columns ---------------------------------------------------------------------


def _resolved(path: Path, manifest: Manifest, columns: Columns) -> Columns:
    if not manifest.tasks:
        raise InputError("--model: was trained without a task, so it has no answers to score")
    present = _names(path)
    text = columns.text or tuple(manifest.text_columns)
    if len(text) != len(manifest.text_columns):
        raise InputError(
            f"--text: names {len(text)} columns, and the model reads {len(manifest.text_columns)}"
        )
    for flag, wanted in (("text", text), ("attribute", columns.attributes)):
        for name in wanted:
            _check_column(path, flag, name, present)
    return Columns(
        text,
        _label_columns(path, manifest, columns, present),
        columns.attributes,
        columns.separator,
    )


def _names(path: Path) -> list[str]:
    """List the columns of the first rows that can be read; a jsonl row need not have all."""
    names: dict[str, None] = {}
    for row in islice((row for row in read_rows(path) if isinstance(row, Row)), 100):
        names |= dict.fromkeys(row.values)
    return list(names)


def _label_columns(
    path: Path, manifest: Manifest, columns: Columns, present: Sequence[str]
) -> dict[str, str]:
    named = dict(columns.labels)
    for task, column in named.items():
        if task not in manifest.tasks:
            known = nearest(task, list(manifest.tasks))
            raise InputError(f"--label={task}:{column}: the model has no task {task!r}; {known}")
        _check_column(path, "label", column, present)
    guessed = {task: task for task in manifest.tasks if task in present}
    if len(manifest.tasks) == 1 and "label" in present:
        guessed = dict.fromkeys(manifest.tasks, "label") | guessed
    label_columns = guessed | named
    if not label_columns:
        task = next(iter(manifest.tasks))
        raise InputError(
            f"{path}: no column has labels of the model's tasks; name one by --label={task}:COLUMN "
            f"(its columns are {', '.join(present)})"
        )
    return label_columns


def _check_column(path: Path, flag: str, name: str, present: Sequence[str]) -> None:
    if name not in present:
        raise InputError(
            f"{path}: has no column {name!r}, which --{flag} names; {nearest(name, present)}"
        )


# --- rows ------------------------------------------------------------------------------


def _usable(
    path: Path, columns: Columns, features: Sequence[Feature]
) -> tuple[list[Row], list[BadRow]]:
    rows: list[Row] = []
    unreadable: list[BadRow] = []
    for row in read_rows(path):
        if isinstance(row, BadRow):
            unreadable.append(row)
        elif fault := _fault(row, columns.text, features):
            unreadable.append(fault)
        else:
            rows.append(row)
    if not rows:
        first = unreadable[0]
        raise InputError(f"{first.file}:{first.line}: {first.reason}; no row can be used")
    return rows, unreadable


def _fault(row: Row, text: Sequence[str], features: Sequence[Feature]) -> BadRow | None:
    """Say what keeps a row from being answered."""
    for name in text:
        value = row.values.get(name)
        if not isinstance(value, str) or not value.strip():
            return bad(row, f"no text in column {name!r}")
        flaw = flaw_of(value)
        if flaw:
            return bad(row, f"{flaw} in column {name!r}")
    try:
        _features(row, features)
    except CellError as reason:
        return bad(row, str(reason))
    return None


def _features(row: Row, features: Sequence[Feature]) -> tuple[FeatureCell, ...]:
    return cells_of([row.values.get(feature.column) for feature in features], features)


# --- labels ----------------------------------------------------------------------------


def _encoded(
    spec: OutputSpec, task: str, column: str, rows: Sequence[Row], separator: str
) -> np.ndarray:
    """Encode labels as in `metrics.labelled`."""
    if spec.kind == "regress":
        return np.array([[_number(row, column)] for row in rows])
    index = {label: number for number, label in enumerate(spec.labels)}
    if spec.kind == "classify":
        cells = (_label(row, column) for row in rows)
        return np.array(
            [
                -1 if label is None else _known(row, task, label, index)
                for row, label in zip(rows, cells, strict=True)
            ],
            np.int64,
        )
    hot = np.zeros((len(rows), len(index)))
    for number, row in enumerate(rows):
        labels = _label_set(row, column, separator)
        if labels is None:
            hot[number] = np.nan
        else:
            hot[number, [_known(row, task, label, index) for label in labels]] = 1
    return hot


def _label(row: Row, column: str) -> str | None:
    """Read a cell's label, None where it has none."""
    value = row.values.get(column)
    if isinstance(value, bool | float | list | dict):
        raise InputError(f"{row.file}:{row.line}: column {column!r} holds no label")
    return (str(value).strip() or None) if value is not None else None


def _label_set(row: Row, column: str, separator: str) -> list[str] | None:
    """Read a cell's labels, None where it says nothing; an empty list says that none applies."""
    value = row.values.get(column)
    if isinstance(value, list):
        return list(_stripped(value))
    label = _label(row, column)
    return None if label is None else list(_stripped(label.split(separator)))


def _stripped(labels: Sequence[Any]) -> Iterator[str]:
    return (str(label).strip() for label in labels if str(label).strip())


def _known(row: Row, task: str, label: str, index: Mapping[str, int]) -> int:
    if label not in index:
        raise InputError(
            f"{row.file}:{row.line}: {label!r} is no label of the model's task {task}; "
            f"{nearest(label, list(index))}"
        )
    return index[label]


def _number(row: Row, column: str) -> float:
    """Read a cell's number, NaN where it has none."""
    value = row.values.get(column)
    if value is None or (isinstance(value, str) and not value.strip()):
        return float("nan")
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not np.isfinite(number):
        raise InputError(f"{row.file}:{row.line}: column {column!r} holds no number: {value!r}")
    return number
