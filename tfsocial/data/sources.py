"""Files in, columns out: csv, tsv, jsonl and txt, plain or .gz, local or gs://.

One bad row never stops a run and never disappears: it goes to quarantine with
its file, line and reason, and only too many of them (`data.max_bad_fraction`)
are an error. Lines are counted as an editor counts them: physical lines from 1,
the header included; a row is named by the line it starts on.

Texts go to the quarantine file, never into a message.
"""

from __future__ import annotations

import glob
import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsocial import config
from tfsocial.config import ConfigError
from tfsocial.data.rows import (
    BadRow,
    Row,
    bad,
    file_errors,
    flaw_of,
    format_of,
    json_type,
    listed,
    read_rows,
)
from tfsocial.files import replacing

SPLITS = ("train", "dev", "test")


class Text(NamedTuple):
    """The text columns of one row, for prediction."""

    text: str
    pair: str | None
    line: int


@dataclass(frozen=True)
class Origin:
    """Where n rows came from: `files[file[i]]` at `line[i]`; file, line int32 [n]."""

    files: tuple[str, ...]
    file: np.ndarray
    line: np.ndarray

    def where(self, row: int) -> str:
        """'FILE:LINE' of a row.

        >>> Origin(("a.csv",), np.array([0, 0]), np.array([2, 3])).where(1)
        'a.csv:3'
        """
        return f"{self.files[self.file[row]]}:{self.line[row]}"


@dataclass(frozen=True)
class Examples:
    """One split in columns; row i of each is example i of n.

    labels: task -> classify int32 [n], -1 without a label; multilabel float32
    [n, classes] of 0 and 1, regress float32 [n, 1], NaN without a label.
    """

    text: list[str]
    pair: list[str] | None
    labels: dict[str, np.ndarray]
    origin: Origin

    def __len__(self) -> int:
        return len(self.text)

    def taken(self, rows: np.ndarray) -> Examples:
        """These rows, in this order."""
        origin = replace(self.origin, file=self.origin.file[rows], line=self.origin.line[rows])
        return Examples(
            [self.text[row] for row in rows],
            None if self.pair is None else [self.pair[row] for row in rows],
            {task: values[rows] for task, values in self.labels.items()},
            origin,
        )


@dataclass(frozen=True)
class Counts:
    """Rows of a split: read = kept + quarantined."""

    read: int
    kept: int
    quarantined: int


@dataclass(frozen=True)
class Corpus:
    """The configured splits and each task's label set (empty for regress)."""

    splits: dict[str, Examples]
    label_names: dict[str, tuple[str, ...]]
    counts: dict[str, Counts]


def read(
    data: config.Data, tasks: Mapping[str, config.Task], quarantine: Path | None = None
) -> Corpus:
    """All configured splits, with labels as numbers.

    A label set is the one the config gives, in its order, or learned from train
    and sorted. Bad rows are written to `quarantine` (jsonl: file, line, reason,
    row), also when too many of them then stop the run.

    Raises:
        ConfigError: a file, column or label is missing or unknown, or more than
            `data.max_bad_fraction` of a split's rows are bad.
    """
    tables = {
        split: _read_split(split, data, tasks) for split in SPLITS if getattr(data.splits, split)
    }
    if not tables:
        raise ConfigError("data.splits names no files; give at least data.splits.train")
    if quarantine is not None:
        _write_quarantine(quarantine, [bad for table in tables.values() for bad in table.bad])
    for split, table in tables.items():
        _check_bad_rows(split, table, data.max_bad_fraction, quarantine)
    names = {name: _label_names(name, task, tables.get("train")) for name, task in tasks.items()}
    splits = {split: table.examples(tasks, names) for split, table in tables.items()}
    if "train" in splits:
        splits["train"] = _in_scope(splits["train"], tasks, names)
    return Corpus(
        splits=splits,
        label_names=names,
        counts={split: table.counts() for split, table in tables.items()},
    )


def files(data: config.Data, split: str) -> tuple[str, ...]:
    """Files of a split: patterns in config order, the matches of each sorted, none twice.

    Raises:
        ConfigError: a pattern matches no file.
    """
    found: dict[str, None] = {}
    for pattern in getattr(data.splits, split):
        matches = _matches(data.root, pattern)
        if not matches:
            raise ConfigError(_no_match(data, split, pattern))
        found |= dict.fromkeys(matches)
    return tuple(found)


def texts(
    path: str | Path,
    columns: Sequence[str] = ("text",),
    file_format: str = "auto",
    max_characters: int | None = None,
) -> Iterator[Text | BadRow]:
    """Text of each row for prediction, in constant memory; item i answers row i.

    A bad row keeps its place as a `BadRow`. `columns` has one or two names; a
    txt file has one unnamed column.

    Raises:
        ConfigError: as `read_rows`, or the first row lacks a column.

    >>> path = getfixture("tmp_path") / "in.txt"
    >>> path.write_text("where is my card?\\n\\nthanks\\n")
    26
    >>> [getattr(item, "text", "bad") for item in texts(path)]
    ['where is my card?', 'bad', 'thanks']
    """
    if format_of(str(path), file_format) == "txt" and len(columns) == 1:
        columns = ("text",)
    checked = False
    for row in read_rows(path, file_format):
        if isinstance(row, Row) and not checked:
            _check_columns(row.file, row.values, dict.fromkeys(columns, "data.text"))
            checked = True
        yield row if isinstance(row, BadRow) else _text_or_bad(row, columns, max_characters)


# --- finding files ---------------------------------------------------------------------


def _matches(root: str | None, pattern: str) -> list[str]:
    if "://" in pattern or "://" in (root or ""):
        return _remote_matches(pattern if "://" in pattern else f"{root.rstrip('/')}/{pattern}")
    folder, pattern = os.path.expanduser(root or ""), os.path.expanduser(pattern)
    literal = os.path.join(folder, pattern)
    if os.path.isfile(literal):  # a name may hold glob characters
        return [literal]
    matches = glob.glob(os.path.join(glob.escape(folder), pattern), recursive=True)
    return sorted(filter(os.path.isfile, matches))


def _remote_matches(pattern: str) -> list[str]:
    import tensorflow as tf  # only remote paths need it, and it takes seconds to import

    with file_errors(pattern):
        return sorted(path for path in tf.io.gfile.glob(pattern) if not tf.io.gfile.isdir(path))


def _no_match(data: config.Data, split: str, pattern: str) -> str:
    key = f"data.splits.{split}"
    if data.root is not None:
        return (
            f"{key}: {pattern!r} matches no file in {data.root} (data.root); "
            "correct the pattern, or the folder with --set data.root=DIR"
        )
    source = " at ".join(filter(None, (data.name, data.homepage)))
    remedy = "take a local copy and give its folder with --set data.root=DIR"
    origin = f" (the public data set is {source})" if source else ""
    return f"{key}: {pattern!r} matches no file and data.root is not set; {remedy}{origin}"


# --- one row to typed values -----------------------------------------------------------


class _RejectedError(Exception):
    """Why a row is bad."""


def _text_or_bad(row: Row, columns: Sequence[str], max_characters: int | None) -> Text | BadRow:
    try:
        found = [_text(row.values.get(name), name, max_characters) for name in columns]
    except _RejectedError as reason:
        return bad(row, str(reason))
    return Text(found[0], found[1] if len(found) > 1 else None, row.line)


def _text(value: Any, column: str, max_characters: int | None) -> str:
    if value is None:
        raise _RejectedError(f"empty text in column {column!r}")
    if not isinstance(value, str):
        raise _RejectedError(f"column {column!r} is not a string but {json_type(value)}")
    flaw = flaw_of(value)  # JSON escapes can spell what the file itself does not hold
    if flaw:
        raise _RejectedError(f"{flaw} in column {column!r}")
    if not value.strip():
        raise _RejectedError(f"empty text in column {column!r}")
    if max_characters is not None and len(value) > max_characters:
        raise _RejectedError(
            f"column {column!r} has {len(value)} characters, "
            f"data.max_characters allows {max_characters}"
        )
    return value


Cell = str | frozenset[str] | float | None


def _cell(value: Any, task: config.Task) -> Cell:
    """A task's label as written, None where the row has none.

    Raises:
        _RejectedError: the value is no label of this kind of task.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return _CELLS[task.kind](value, task)
    except _RejectedError as reason:
        raise _RejectedError(f"column {task.column!r} {reason}") from None


def _one_label(value: Any, task: config.Task) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _RejectedError(f"is {json_type(value)}; expected a label")
    label = str(value).strip()
    flaw = flaw_of(label)
    if flaw:
        raise _RejectedError(f"has a label with {flaw}")
    return label


def _label_set(value: Any, task: config.Task) -> frozenset[str] | None:
    """Labels of a cell; a JSON list may be empty, which says that no label applies."""
    if isinstance(value, list):
        return frozenset(_one_label(item, task) for item in value) - {""}
    pieces = _one_label(value, task).split(task.separator)
    return frozenset(piece.strip() for piece in pieces if piece.strip()) or None


_LARGEST = float(np.finfo(np.float32).max)


def _number(value: Any, task: config.Task) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _RejectedError(f"is {json_type(value)}; expected a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _RejectedError("is not a number") from None
    if not abs(number) <= _LARGEST:
        raise _RejectedError("is not a finite float32 number")
    return number


_CELLS: dict[str, Callable[[Any, config.Task], Cell]] = {
    "classify": _one_label,
    "multilabel": _label_set,
    "regress": _number,
}


# --- one split -------------------------------------------------------------------------


@dataclass
class _Table:
    """A split while it is read: columns that grow, labels still as written."""

    text: list[str] = field(default_factory=list)
    pair: list[str] = field(default_factory=list)
    cells: dict[str, list[Cell]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    file: array = field(default_factory=lambda: array("i"))
    line: array = field(default_factory=lambda: array("i"))
    bad: list[BadRow] = field(default_factory=list)

    def add(self, text: Text, cells: Mapping[str, Cell]) -> None:
        self.text.append(text.text)
        if text.pair is not None:
            self.pair.append(text.pair)
        for name, cell in cells.items():
            self.cells[name].append(cell)
        self.file.append(len(self.files) - 1)
        self.line.append(text.line)

    def counts(self) -> Counts:
        return Counts(len(self.text) + len(self.bad), len(self.text), len(self.bad))

    def origin(self) -> Origin:
        return Origin(
            tuple(self.files), np.array(self.file, np.int32), np.array(self.line, np.int32)
        )

    def examples(
        self, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
    ) -> Examples:
        origin = self.origin()
        labels = {
            name: _encoded(name, task, self.cells[name], names[name], origin)
            for name, task in tasks.items()
        }
        return Examples(self.text, self.pair or None, labels, origin)


def _read_split(split: str, data: config.Data, tasks: Mapping[str, config.Task]) -> _Table:
    table = _Table(cells={name: [] for name in tasks})
    for path in files(data, split):
        table.files.append(path)
        _read_file(path, data, tasks, table)
    return table


def _read_file(
    path: str, data: config.Data, tasks: Mapping[str, config.Task], table: _Table
) -> None:
    columns: dict[str, None] = {}
    for row in read_rows(path, data.format):
        if isinstance(row, Row):
            if not columns:
                _check_columns(path, row.values, dict.fromkeys(data.text, "data.text"))
            columns |= dict.fromkeys(row.values)
        _read_row(row, data, tasks, table)
    # Labels are looked for in the whole file: a JSON row may leave out the key it has no value for.
    if columns:
        keys = {task.column: f"tasks.{name}.column" for name, task in tasks.items()}
        _check_columns(path, columns, keys)


def _read_row(
    row: Row | BadRow, data: config.Data, tasks: Mapping[str, config.Task], table: _Table
) -> None:
    found = row if isinstance(row, BadRow) else _text_or_bad(row, data.text, data.max_characters)
    if isinstance(found, BadRow):
        table.bad.append(found)
        return
    try:
        cells = {name: _cell(row.values.get(task.column), task) for name, task in tasks.items()}
    except _RejectedError as reason:
        table.bad.append(bad(row, str(reason)))
        return
    table.add(found, cells)


def _check_columns(file: str, found: Iterable[str], keys: Mapping[str, str]) -> None:
    """`keys`: wanted column -> the config key that wants it."""
    names = list(found)
    for column, key in keys.items():
        if column not in names:
            close = config.nearest(column, names)
            remedy = close if close.startswith("did") else f"set {key} to one of them"
            raise ConfigError(
                f"{file}: has no column {column!r}, which {key} names; "
                f"its columns are {listed(names) or 'none'}; {remedy}"
            )


def _check_bad_rows(split: str, table: _Table, allowed: float, quarantine: Path | None) -> None:
    counts = table.counts()
    if counts.kept and counts.quarantined <= allowed * counts.read:
        return
    first = table.bad[0]
    limit = f"more than data.max_bad_fraction={allowed:g} allows" if counts.kept else "none is left"
    listing = f"; all of them are in {quarantine}" if quarantine is not None else ""
    raise ConfigError(
        f"data.splits.{split}: {counts.quarantined} of {counts.read} rows are bad, {limit}; "
        f"the first is {first.file}:{first.line}: {first.reason}{listing}; "
        "mend the rows or raise data.max_bad_fraction"
    )


def _write_quarantine(path: Path, rows: Iterable[BadRow]) -> None:
    """All bad rows or the former file, never half of them; no bad rows is an empty file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(_quarantined(row), ensure_ascii=False) + "\n")


def _quarantined(row: BadRow) -> dict[str, Any]:
    shown = row.raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {
        "file": row.file,
        "line": row.line,
        "reason": row.reason,
        "row": shown.rstrip("\r\n"),
    }


# --- labels as numbers -----------------------------------------------------------------


def _label_names(name: str, task: config.Task, train: _Table | None) -> tuple[str, ...]:
    """The label set of a task: () for regress, else the config's or train's, sorted."""
    if train is not None and all(cell in (None, frozenset()) for cell in train.cells[name]):
        raise ConfigError(
            f"data.splits.train: no row has a label for task {name}; "
            f"tasks.{name}.column is {task.column!r}, fill it in some rows or drop the task"
        )
    if task.kind == "regress":
        return ()
    if task.labels is None and train is None:
        raise ConfigError(
            f"tasks.{name}.labels is not given and data.splits.train is empty; "
            "give the labels or a train split to learn them from"
        )
    names = task.labels or tuple(sorted(set(_written(train.cells[name]))))
    if task.scope_score:  # behind the classes that are learned
        return (*(label for label in names if label != task.out_of_scope), task.out_of_scope)
    _check_out_of_scope(name, task, names)
    return names


def _in_scope(
    train: Examples, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
) -> Examples:
    """Train without labels that are not learned; an example that had no other is left out."""
    labels = dict(train.labels)
    for name, task in tasks.items():
        if task.scope_score:
            outside = labels[name] == len(names[name]) - 1
            labels[name] = np.where(outside, np.int32(-1), labels[name])
    lost = _labelled(train.labels) & ~_labelled(labels)
    return replace(train, labels=labels).taken(np.flatnonzero(~lost)) if lost.any() else train


def _labelled(labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bool [n]: which examples have a label for some task."""
    known = [
        values >= 0 if values.ndim == 1 else np.isfinite(values).all(-1)
        for values in labels.values()
    ]
    return np.any(known, 0)


def _check_out_of_scope(name: str, task: config.Task, names: Sequence[str]) -> None:
    if task.out_of_scope is not None and task.out_of_scope not in names:
        raise ConfigError(
            f"tasks.{name}.out_of_scope is {task.out_of_scope!r}, which is no label of the task; "
            f"{config.nearest(task.out_of_scope, names)}"
        )


def _written(cells: Iterable[Cell]) -> Iterator[str]:
    """Every label in the cells, as often as it occurs."""
    for cell in cells:
        if isinstance(cell, str):
            yield cell
        elif isinstance(cell, frozenset):
            yield from sorted(cell)


def _encoded(
    name: str, task: config.Task, cells: Sequence[Cell], names: Sequence[str], origin: Origin
) -> np.ndarray:
    """Labels of one task: int32 [n], or float32 [n, classes] or [n, 1]."""
    if task.kind == "regress":
        numbers = [np.nan if cell is None else cell for cell in cells]
        return np.array(numbers, np.float32).reshape(-1, 1)
    index = {label: number for number, label in enumerate(names)}
    _check_known(name, task, cells, index, origin)
    if task.kind == "classify":
        return np.array([-1 if cell is None else index[cell] for cell in cells], np.int32)
    return _multi_hot(cells, index)


def _multi_hot(cells: Sequence[Cell], index: Mapping[str, int]) -> np.ndarray:
    hot = np.zeros((len(cells), len(index)), np.float32)
    for row, cell in enumerate(cells):
        hot[row, [index[label] for label in cell or ()]] = 1.0
    hot[[cell is None for cell in cells]] = np.nan
    return hot


def _check_known(
    name: str,
    task: config.Task,
    cells: Sequence[Cell],
    index: Mapping[str, int],
    origin: Origin,
) -> None:
    first: dict[str, int] = {}
    for row, cell in enumerate(cells):
        for label in _written([cell]):
            if label not in index:
                first.setdefault(label, row)
    if first:
        where = origin.where(next(iter(first.values())))
        raise ConfigError(_unknown_labels(name, task, list(first), where, list(index)))


def _unknown_labels(
    name: str, task: config.Task, unknown: Sequence[str], where: str, known: Sequence[str]
) -> str:
    which = f"{where}: task {name} has no label {unknown[0]!r}"
    others = f" (nor {listed(unknown[1:])}, further down)" if unknown[1:] else ""
    if task.labels is not None:
        return f"{which}{others} in tasks.{name}.labels; {config.nearest(unknown[0], known)}"
    close = config.nearest(unknown[0], known)
    hint = f" ({close})" if close.startswith("did") else ""
    return (
        f"{which}{others}: the labels are learned from the train split, which lacks it{hint}; "
        f"correct the row or list all labels in tasks.{name}.labels"
    )
