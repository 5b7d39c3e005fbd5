"""Sources in, columns out: files of any format, sets by name, or several of them beside each other.

What a kind of source is made of, and its rows, are in `kinds`; from there on all are alike. One
bad row never stops a run and never disappears: it goes to quarantine with its file, line and
reason, and only too many of them (`data.max_bad_fraction`) are an error. In a mixture each source
has its own columns, tasks and labels; a label set is that of all of them together.

Texts go to the quarantine file, never into a message.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsocial import config
from tfsocial.config import InputError
from tfsocial.data import kinds, stored
from tfsocial.data.kinds import read_rows
from tfsocial.data.paths import files as files  # of a split, by patterns
from tfsocial.data.rows import BadRow, Row, bad, flaw_of, format_of, json_type, listed
from tfsocial.data.stored import Column, Numbers, Store
from tfsocial.files import replacing

log = logging.getLogger(__name__)

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

    With `data.cache` all of it lies in files, and texts are read from there when asked for.
    """

    text: Sequence[str]
    pair: Sequence[str] | None
    labels: dict[str, np.ndarray]
    origin: Origin

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> Examples:
        """Texts alone, from nowhere and without a label."""
        return cls(texts, None, {}, Origin((), np.zeros(0, np.int32), np.zeros(0, np.int32)))

    def __len__(self) -> int:
        return len(self.text)

    def taken(self, rows: np.ndarray) -> Examples:
        """These rows, in this order."""
        origin = replace(self.origin, file=self.origin.file[rows], line=self.origin.line[rows])
        return Examples(
            stored.taken(self.text, rows),
            None if self.pair is None else stored.taken(self.pair, rows),
            {task: values[rows] for task, values in self.labels.items()},
            origin,
        )


@dataclass(frozen=True)
class Counts:
    """Rows of a split: read = kept + quarantined."""

    read: int
    kept: int
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


def read(
    data: config.Data, tasks: Mapping[str, config.Task], quarantine: Path | None = None
) -> Corpus:
    """All configured splits, with labels as numbers.

    A label set is the one the config gives, in its order, or learned from train
    and sorted. Bad rows are written to `quarantine` (jsonl: file, line, reason,
    row), also when too many of them then stop the run.

    Raises:
        InputError: a file, column or label is missing or unknown, or more than
            `data.max_bad_fraction` of a split's rows are bad.
    """
    store = Store(data.cache) if data.cache else None
    tables = {split: _tables(split, data, tasks, store) for split in SPLITS}
    tables = {split: found for split, found in tables.items() if found}
    if not tables:
        if data.mixture:
            raise InputError("data.mixture: no source names splits; give at least one's train")
        raise InputError("data.splits names no files; give at least data.splits.train")
    if quarantine is not None:
        every = (table for found in tables.values() for table in found.values())
        _write_quarantine(quarantine, chain.from_iterable(table.bad for table in every))
    for split, found in tables.items():
        for key, table in found.items():
            place = f"{key}.splits.{split}"
            check_bad_rows(place, table.counts(), table.bad, data.max_bad_fraction, quarantine)
    _check_apart(tables, data, tasks)
    _warn_of_typos(tables, data)
    train = list(tables.get("train", {}).values())
    place = "data.mixture" if data.mixture else "data.splits.train"
    names = {name: _label_names(name, task, train, place) for name, task in tasks.items()}
    return _corpus(tables, tasks, names)


def _tables(
    split: str, data: config.Data, tasks: Mapping[str, config.Task], store: Store | None
) -> dict[str, _Table]:
    """Of each source that has the split, by its key."""
    return {
        key: _read_split(split, key, source, data, tasks, store)
        for key, source in data.sources.items()
        if getattr(source.splits, split)
    }


def _warn_of_typos(tables: Mapping[str, Mapping[str, _Table]], data: config.Data) -> None:
    """Says which label of a mapping no row has: the one that is meant would be one more class."""
    for key, source in data.sources.items():
        seen = set().union(*(found[key].renamed for found in tables.values() if key in found))
        for task, own in _mappings(source).items():
            if lost := [label for label in own if (task, label) not in seen]:
                log.warning("%s.labels.%s: no row has the label %s", key, task, listed(lost))


def _check_apart(
    tables: Mapping[str, Mapping[str, _Table]],
    data: config.Data,
    tasks: Mapping[str, config.Task],
) -> None:
    """Refuses a file whose labels are learned and scored on; without labels it may be both."""
    learned: dict[str, str] = {}
    for split, key, file in _labelled_files(tables, data, tasks):
        path = os.path.realpath(file)
        if split == "train":
            learned[path] = f"{key}.splits.train"
        elif path in learned:
            raise InputError(
                f"{key}.splits.{split}: {file} is a file of {learned[path]} too, so scores would "
                "be of texts that were learned; give each split files of its own"
            )


def _labelled_files(
    tables: Mapping[str, Mapping[str, _Table]],
    data: config.Data,
    tasks: Mapping[str, config.Task],
) -> Iterator[tuple[str, str, str]]:
    """(split, key of its source, name) of each file with labels, train's first."""
    for split, found in tables.items():
        for key, table in found.items():
            if data.sources[key].labelled(tasks):
                yield from ((split, key, file) for file in table.files)


def _corpus(
    tables: Mapping[str, Mapping[str, _Table]],
    tasks: Mapping[str, config.Task],
    names: dict[str, tuple[str, ...]],
) -> Corpus:
    splits, counts, parts = {}, {}, {}
    for split, found in tables.items():
        examples = [table.examples(tasks, names) for table in found.values()]
        if split == "train":
            examples = [_in_scope(own, tasks, names) for own in examples]
        each = [table.counts() for table in found.values()]
        splits[split] = joined(examples)
        counts[split] = Counts(
            *(sum(getattr(one, name.name) for one in each) for name in fields(Counts))
        )
        sized = zip(found, map(len, examples), each, strict=True)
        parts[split] = {key: Part(size, own) for key, size, own in sized}
    return Corpus(splits, names, counts, parts)


def joined(parts: Sequence[Examples]) -> Examples:
    """Examples of several sources, one after the other."""
    if len(parts) == 1:
        return parts[0]
    origins = [part.origin for part in parts]
    before = np.cumsum([0, *(len(origin.files) for origin in origins)])
    numbers = [origin.file + start for origin, start in zip(origins, before, strict=False)]
    origin = Origin(
        tuple(chain.from_iterable(origin.files for origin in origins)),
        np.concatenate(numbers).astype(np.int32),
        np.concatenate([origin.line for origin in origins]),
    )
    pairs = [part.pair for part in parts]
    return Examples(
        stored.joined([part.text for part in parts]),
        None if pairs[0] is None else stored.joined(pairs),
        {task: np.concatenate([part.labels[task] for part in parts]) for task in parts[0].labels},
        origin,
    )


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
        InputError: as `read_rows`, or the first row lacks a column.

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


class _Labels:
    """Cells of one task that are labels, as they are written: each that occurs, once, and which."""

    def __init__(self, folder: str | None):
        self._numbers: dict[Cell, int] = {}
        self._which = Numbers("i", folder)
        self._folder = folder

    def append(self, cell: Cell) -> None:
        self._which.append(self._numbers.setdefault(cell, len(self._numbers)))

    @property
    def different(self) -> tuple[Cell, ...]:
        """In the order in which they first occur."""
        return tuple(self._numbers)

    @property
    def lacking(self) -> bool:
        """Whether no cell holds a label."""
        return not self._numbers.keys() - {None, frozenset()}

    def first(self, cell: Cell) -> int:
        """The first row that holds it."""
        return int(np.argmax(self._which.stored() == self._numbers[cell]))

    def encoded(self, values: np.ndarray) -> np.ndarray:
        """The value of each cell; `values`, int32 or float32 [different, ...], are in order."""
        return stored.gathered(values, self._which.stored(), self._folder)


class _Values:
    """Cells of one task that are numbers, NaN where there is none."""

    def __init__(self, folder: str | None):
        self._values = Numbers("f", folder)
        self.lacking = True

    def append(self, cell: Cell) -> None:
        self._values.append(np.nan if cell is None else cell)
        self.lacking &= cell is None

    def encoded(self) -> np.ndarray:
        return self._values.stored().reshape(-1, 1)


class _Table:
    """A split while it is read: columns that grow, labels still as written.

    Args:
        store: where its texts go to, and its numbers to files beside it; None: all in memory.
    """

    def __init__(self, tasks: Mapping[str, config.Task], store: Store | None):
        folder = store.folder if store else None
        self.text, self.pair = (Column(store) if store else [] for _ in range(2))
        self.cells = {
            name: (_Values if task.kind == "regress" else _Labels)(folder)
            for name, task in tasks.items()
        }
        self.files: list[str] = []
        self.file, self.line = Numbers("i", folder), Numbers("i", folder)
        self.bad: list[BadRow] = []
        self.renamed: set[tuple[str, str]] = set()  # see `Example`

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

    def examples(
        self, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
    ) -> Examples:
        origin = Origin(tuple(self.files), self.file.stored(), self.line.stored())
        labels = {
            name: _encoded(name, task, self.cells[name], names[name], origin)
            for name, task in tasks.items()
        }
        text, pair = (
            column.stored() if isinstance(column, Column) else column
            for column in (self.text, self.pair)
        )
        return Examples(text, pair if len(pair) else None, labels, origin)


class Example(NamedTuple):
    """One row that can be used.

    Attributes:
        cells: task -> its label, as the task calls it.
        values: all that the row holds.
        renamed: (task, label as it was written) of labels that the task calls otherwise.
    """

    text: Text
    cells: Mapping[str, Cell]
    values: Mapping[str, Any]
    renamed: frozenset[tuple[str, str]] = frozenset()


def examples_of(
    name: str, key: str, source: config.Source, data: config.Data, tasks: Mapping[str, config.Task]
) -> Iterator[Example | BadRow]:
    """The rows of one of `kinds.names`, in order and in constant memory.

    Raises:
        InputError: it cannot be read, or lacks a column.
    """
    columns: dict[str, None] = {}
    labelled = source.labelled(tasks)
    for row in kinds.rows_of(source, name):
        if isinstance(row, Row):
            if not columns:
                _check_columns(name, row.values, dict.fromkeys(source.text, f"{key}.text"))
            columns |= dict.fromkeys(row.values)
        yield _example(row, source, data, tasks, labelled)
    # Labels are looked for in the whole file: a JSON row may leave out the key it has no value for.
    if columns:
        keys = {task.column: _column_key(key, name, source) for name, task in labelled.items()}
        _check_columns(name, columns, keys, _without_labels(key, source))


def _without_labels(key: str, source: config.Source) -> str:
    """What to do where a column is not missing by mistake."""
    if isinstance(source, config.MixtureSource):
        return f", or, if its rows have no labels at all, set {key}.tasks to []"
    return ", or, if its rows have no labels at all, give it to data.mixture with `tasks: []`"


def _column_key(key: str, task: str, source: config.Source) -> str:
    own = isinstance(source, config.MixtureSource) and task in source.columns
    return f"{key}.columns.{task}" if own else f"tasks.{task}.column"


def _example(
    row: Row | BadRow,
    source: config.Source,
    data: config.Data,
    tasks: Mapping[str, config.Task],
    labelled: Mapping[str, config.Task],
) -> Example | BadRow:
    found = row if isinstance(row, BadRow) else _text_or_bad(row, source.text, data.max_characters)
    if isinstance(found, BadRow):
        return found
    try:
        cells = {name: _cell(row.values.get(task.column), task) for name, task in labelled.items()}
    except _RejectedError as reason:
        return bad(row, str(reason))
    mappings = _mappings(source)
    ours = {name: _renamed(cell, mappings.get(name, {})) for name, cell in cells.items()}
    renamed = frozenset(
        (name, label)
        for name, own in mappings.items()
        for label in own.keys() & _written([cells.get(name)])
    )
    return Example(found, {name: ours.get(name) for name in tasks}, row.values, renamed)


def _mappings(source: config.Source) -> Mapping[str, Mapping[str, str]]:
    """Task -> label of the source -> what the task calls it."""
    return source.labels if isinstance(source, config.MixtureSource) else {}


def _renamed(cell: Cell, ours: Mapping[str, str]) -> Cell:
    """A label as the task calls it."""
    if isinstance(cell, frozenset):
        return frozenset(ours.get(label, label) for label in cell)
    return ours.get(cell, cell) if isinstance(cell, str) else cell


def _read_split(
    split: str,
    key: str,
    source: config.Source,
    data: config.Data,
    tasks: Mapping[str, config.Task],
    store: Store | None,
) -> _Table:
    table = _Table(tasks, store)
    for name in kinds.names(source, split, key):
        table.files.append(name)
        for found in examples_of(name, key, source, data, tasks):
            if isinstance(found, BadRow):
                table.bad.append(found)
            else:
                table.add(found.text, found.cells)
                table.renamed |= found.renamed
    return table


def _check_columns(
    file: str, found: Iterable[str], keys: Mapping[str, str], otherwise: str = ""
) -> None:
    """`keys`: wanted column -> the config key that wants it; `otherwise`: another remedy."""
    names = list(found)
    for column, key in keys.items():
        if column not in names:
            close = config.nearest(column, names)
            remedy = close if close.startswith("did") else f"set {key} to one of them"
            raise InputError(
                f"{file}: has no column {column!r}, which {key} names; "
                f"its columns are {listed(names) or 'none'}; {remedy}{otherwise}"
            )


def check_bad_rows(
    place: str,
    counts: Counts,
    rows: Sequence[BadRow],
    allowed: float,
    quarantine: Path | None = None,
) -> None:
    """Lets a split through that has few bad rows.

    Raises:
        InputError: more than the fraction `allowed` of its rows are bad, or all.
    """
    if counts.kept and counts.quarantined <= allowed * counts.read:
        return
    first = rows[0]
    limit = f"more than data.max_bad_fraction={allowed:g} allows" if counts.kept else "none is left"
    listing = f"; all of them are in {quarantine}" if quarantine is not None else ""
    raise InputError(
        f"{place}: {counts.quarantined} of {counts.read} rows are bad, {limit}; "
        f"the first is {first.file}:{first.line}: {first.reason}{listing}; "
        "mend the rows or raise data.max_bad_fraction"
    )


def _write_quarantine(path: Path, rows: Iterable[BadRow]) -> None:
    """All bad rows or the former file, never half of them; no bad rows is an empty file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(quarantined(row))


def quarantined(row: BadRow) -> str:
    """A bad row as a line of jsonl."""
    shown = row.raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    values = {
        "file": row.file,
        "line": row.line,
        "reason": row.reason,
        "row": shown.rstrip("\r\n"),
    }
    return json.dumps(values, ensure_ascii=False) + "\n"


# --- labels as numbers -----------------------------------------------------------------


def _label_names(
    name: str, task: config.Task, train: Sequence[_Table], place: str
) -> tuple[str, ...]:
    """The label set of a task: () for regress, else the config's or that of train, sorted."""
    if train and all(table.cells[name].lacking for table in train):
        raise InputError(
            f"{place}: no row has a label for task {name}; "
            f"tasks.{name}.column is {task.column!r}, fill it in some rows or drop the task"
        )
    if task.kind == "regress":
        return ()
    if task.labels is None and not train:
        raise InputError(
            f"tasks.{name}.labels is not given and data.splits.train is empty; "
            "give the labels or a train split to learn them from"
        )
    names = task.labels or tuple(sorted(set(_written(_different(name, train)))))
    if task.ood_score:  # behind the classes that are learned
        return (*(label for label in names if label != task.ood_label), task.ood_label)
    _check_out_of_scope(name, task, names)
    return names


def _different(name: str, tables: Sequence[_Table]) -> Iterator[Cell]:
    return chain.from_iterable(table.cells[name].different for table in tables)


def _in_scope(
    train: Examples, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
) -> Examples:
    """Train without labels that are not learned; an example that had no other is left out."""
    scored = [name for name, task in tasks.items() if task.ood_score]
    if not scored:
        return train
    labels = dict(train.labels)
    for name in scored:
        outside = labels[name] == len(names[name]) - 1
        labels[name] = np.where(outside, np.int32(-1), labels[name])
    lost = _labelled(train.labels) & ~_labelled(labels)
    learned = replace(train, labels=labels)
    return learned.taken(np.flatnonzero(~lost)) if lost.any() else learned


def _labelled(labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bool [n]: which examples have a label for some task."""
    return np.any([has_label(values) for values in labels.values()], 0)


def has_label(labels: np.ndarray) -> np.ndarray:
    """Bool [n], of the labels of a task of any kind, see `Examples`.

    >>> has_label(np.array([2, -1])).tolist(), has_label(np.array([[1.0], [np.nan]])).tolist()
    ([True, False], [True, False])
    """
    return labels >= 0 if labels.ndim == 1 else np.isfinite(labels).all(-1)


def _check_out_of_scope(name: str, task: config.Task, names: Sequence[str]) -> None:
    if task.ood_label is not None and task.ood_label not in names:
        raise InputError(
            f"tasks.{name}.ood_label is {task.ood_label!r}, which is no label of the task; "
            f"{config.nearest(task.ood_label, names)}"
        )


def _written(cells: Iterable[Cell]) -> Iterator[str]:
    """Every label in the cells, as often as it occurs."""
    for cell in cells:
        if isinstance(cell, str):
            yield cell
        elif isinstance(cell, frozenset):
            yield from sorted(cell)


def _encoded(
    name: str,
    task: config.Task,
    cells: _Labels | _Values,
    names: Sequence[str],
    origin: Origin,
) -> np.ndarray:
    """Labels of one task: int32 [n], or float32 [n, classes] or [n, 1]."""
    if isinstance(cells, _Values):
        return cells.encoded()
    index = {label: number for number, label in enumerate(names)}
    _check_known(name, task, cells, index, origin)
    if task.kind == "classify":
        numbers = [-1 if cell is None else index[cell] for cell in cells.different]
        return cells.encoded(np.array(numbers, np.int32))
    return cells.encoded(_multi_hot(cells.different, index))


def _multi_hot(cells: Sequence[Cell], index: Mapping[str, int]) -> np.ndarray:
    hot = np.zeros((len(cells), len(index)), np.float32)
    for row, cell in enumerate(cells):
        hot[row, [index[label] for label in cell or ()]] = 1.0
    hot[[cell is None for cell in cells]] = np.nan
    return hot


def _check_known(
    name: str, task: config.Task, cells: _Labels, index: Mapping[str, int], origin: Origin
) -> None:
    first: dict[str, Cell] = {}  # of each unknown label, in the order of their rows
    for cell in cells.different:
        for label in _written([cell]):
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
        return f"{which}{others} in tasks.{name}.labels; {config.nearest(unknown[0], known)}"
    close = config.nearest(unknown[0], known)
    hint = f" ({close})" if close.startswith("did") else ""
    return (
        f"{which}{others}: the labels are learned from the train split, which lacks it{hint}; "
        f"correct the row or list all labels in tasks.{name}.labels"
    )
