"""Files in, columns out: csv, tsv, jsonl and txt, plain or .gz, local or gs://.

One bad row never stops a run and never disappears: it goes to quarantine with
its file, line and reason, and only too many of them (`data.max_bad_fraction`)
are an error. Lines are counted as an editor counts them: physical lines from 1,
the header included; a row is named by the line it starts on.

Texts go to the quarantine file, never into a message.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import gzip
import json
import os
import re
import zlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from tfsocial import config
from tfsocial.config import ConfigError

SPLITS = ("train", "dev", "test")


class Row(NamedTuple):
    """One readable row: column -> value. Values are strings, in jsonl any JSON value."""

    values: Mapping[str, Any]
    file: str
    line: int
    raw: str


class BadRow(NamedTuple):
    """One row that cannot be used, and why; `raw` is what the file holds."""

    file: str
    line: int
    reason: str
    raw: str


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
    return Corpus(
        splits={split: table.examples(tasks, names) for split, table in tables.items()},
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


def read_rows(path: str | Path, file_format: str = "auto") -> Iterator[Row | BadRow]:
    """Rows of one file in order, in constant memory.

    Blank lines of csv, tsv and jsonl are no rows; in txt every line is a row
    with the one column `text`. `file_format` is csv, tsv, jsonl, txt, or auto (by suffix).

    Raises:
        ConfigError: the file cannot be read, has no usable header or no rows.
    """
    file = str(path)
    parse = _PARSERS[_format_of(file, file_format)]
    empty = True
    for row in parse(_lines(file), file):
        empty = False
        flaw = _flaw(row.raw)
        yield _bad(row, flaw) if flaw else row
    if empty:
        raise ConfigError(f"{file}: has no rows; expected at least one example")


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
    if _format_of(str(path), file_format) == "txt" and len(columns) == 1:
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

    with _file_errors(pattern):
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


def _format_of(file: str, file_format: str) -> str:
    suffix = file.lower().removesuffix(".gz").rpartition(".")[2]
    name = suffix if file_format == "auto" else file_format
    if name not in _PARSERS:
        raise ConfigError(
            f"{file}: cannot tell its format from the name; "
            f"end it in {', '.join(f'.{known}' for known in _PARSERS)} (or .gz after it), "
            "or set data.format"
        )
    return name


# --- physical lines --------------------------------------------------------------------


def _lines(file: str) -> Iterator[str]:
    """Physical lines with their ends; bytes that are no UTF-8 become lone surrogates.

    Splitting comes before decoding, so that a broken byte hurts its own line only.
    """
    with _file_errors(file), _opened(file) as stream:
        first = stream.readline()
        if first.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ConfigError(f"{file}: is UTF-16; save it as UTF-8")
        first = first.removeprefix(b"\xef\xbb\xbf")
        # Without any line feed this is the whole file, and its lines may end in lone CR.
        yield from map(_decoded, [first] if first.endswith(b"\n") else first.splitlines(True))
        yield from map(_decoded, stream)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    with _stream(file) as stream:
        if file.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield unpacked
        else:
            yield stream


def _stream(file: str) -> Any:
    if "://" not in file:
        return open(file, "rb")
    import tensorflow as tf

    return tf.io.gfile.GFile(file, "rb")


@contextlib.contextmanager
def _file_errors(file: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ConfigError(
            f"{file}: the gzip data is cut short or damaged; fetch the file again"
        ) from None
    except (OSError, *_remote_errors(file)) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", error)
        raise ConfigError(f"{file}: cannot be read ({reason}); check the path") from None


def _remote_errors(file: str) -> tuple[type[Exception], ...]:
    if "://" not in file:
        return ()
    import tensorflow as tf

    return (tf.errors.OpError,)


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("utf-8", "surrogateescape")


_SURROGATE = re.compile("[\ud800-\udfff]")


def _flaw(string: str) -> str | None:
    """What makes a string unusable as text anywhere, or None."""
    if "\0" in string:
        return "NUL character"
    if not string.isascii() and _SURROGATE.search(string):
        return "invalid UTF-8"
    return None


# --- csv and tsv -----------------------------------------------------------------------

_LONGEST_RECORD = 2**24  # characters; a quote open for longer counts as never closed


class _Rewindable:
    """Lines of which those taken since `start` can be given back, all but the first."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._characters = 0
        self.taken: list[str] = []
        self.first = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._characters > _LONGEST_RECORD:
            raise csv.Error("unexpected end of data")
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self._characters += len(line)
        return line

    def start(self) -> None:
        self.first += len(self.taken)
        self.taken = []
        self._characters = 0

    def give_back(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


class _Record(NamedTuple):
    line: int
    raw: str
    fields: list[str]
    flaw: str | None = None


def _records(lines: Iterator[str], delimiter: str) -> Iterator[_Record]:
    """Csv records; one with broken quoting costs its first line, the others are read anew.

    A lenient reader would let a stray quote swallow rows up to the next quote or
    the end of the file.
    """
    # A process-wide limit: only ever widened, as other readers may rely on it.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * _LONGEST_RECORD))
    source = _Rewindable(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.start()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            flaw = _quoting_flaw(str(error), source.first, len(source.taken))
            source.give_back()
            yield _Record(source.first, source.taken[0], [], flaw)
        else:
            if fields:
                yield _Record(source.first, "".join(source.taken), fields)


def _quoting_flaw(error: str, first: int, lines: int) -> str:
    beyond = f"; the {lines - 1} lines after it were read on their own" if lines > 1 else ""
    if error.startswith("unexpected end"):
        return f"the quote opened in the row of line {first} is never closed{beyond}"
    if error.startswith("new-line"):
        return "a lone carriage return outside quotes"
    return f"broken quoting: a quote closes in the middle of a field{beyond}"


def _table_rows(lines: Iterator[str], file: str, delimiter: str) -> Iterator[Row | BadRow]:
    records = _records(lines, delimiter)
    header = _header(next(records, None), file)
    for record in records:
        yield _table_row(record, header, file)


def _table_row(record: _Record, header: Sequence[str], file: str) -> Row | BadRow:
    flaw = record.flaw
    if flaw is None and len(record.fields) != len(header):
        flaw = f"wrong number of fields: {len(record.fields)}, the header has {len(header)}"
        lines = record.raw.count("\n")
        if lines > 1:  # perhaps a stray quote that met another: say what it took with it
            flaw += f"; the row runs from line {record.line} to {record.line + lines - 1}"
    if flaw is not None:
        return BadRow(file, record.line, flaw, record.raw)
    return Row(dict(zip(header, record.fields, strict=True)), file, record.line, record.raw)


def _header(record: _Record | None, file: str) -> list[str]:
    if record is None:
        raise ConfigError(f"{file}: is empty; expected a header line with the column names")
    flaw = record.flaw or _flaw(record.raw)
    if flaw:
        raise ConfigError(f"{file}:{record.line}: the header cannot be read ({flaw})")
    names = [name.strip() for name in record.fields]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"{file}:{record.line}: the header names {_listed(twice)} twice; rename one of the two"
        )
    return names


# --- jsonl and txt ---------------------------------------------------------------------


def _json_rows(lines: Iterator[str], file: str) -> Iterator[Row | BadRow]:
    for number, line in enumerate(lines, 1):
        if line.strip(" \t\r\n"):
            yield _json_row(line, file, number)


def _json_row(line: str, file: str, number: int) -> Row | BadRow:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        flaw = f"invalid JSON: {error.msg} at column {error.colno}"
    except (ValueError, RecursionError):  # a number of thousands of digits; absurd nesting
        flaw = "invalid JSON: cannot be held"
    else:
        if isinstance(values, dict):
            return Row(values, file, number, line)
        flaw = f"not a JSON object but {_json_type(values)}"
    return BadRow(file, number, flaw, line)


_JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def _json_type(value: Any) -> str:
    return _JSON_TYPES[type(value)]


def _text_rows(lines: Iterator[str], file: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        yield Row({"text": line.rstrip("\r\n")}, file, number, line)


_PARSERS: dict[str, Callable[[Iterator[str], str], Iterable[Row | BadRow]]] = {
    "csv": lambda lines, file: _table_rows(lines, file, ","),
    "tsv": lambda lines, file: _table_rows(lines, file, "\t"),
    "jsonl": _json_rows,
    "txt": _text_rows,
}


# --- one row to typed values -----------------------------------------------------------


class _RejectedError(Exception):
    """Why a row is bad."""


def _bad(row: Row | BadRow, reason: str) -> BadRow:
    return BadRow(row.file, row.line, reason, row.raw)


def _text_or_bad(row: Row, columns: Sequence[str], max_characters: int | None) -> Text | BadRow:
    try:
        found = [_text(row.values.get(name), name, max_characters) for name in columns]
    except _RejectedError as reason:
        return _bad(row, str(reason))
    return Text(found[0], found[1] if len(found) > 1 else None, row.line)


def _text(value: Any, column: str, max_characters: int | None) -> str:
    if value is None:
        raise _RejectedError(f"empty text in column {column!r}")
    if not isinstance(value, str):
        raise _RejectedError(f"column {column!r} is not a string but {_json_type(value)}")
    flaw = _flaw(value)  # JSON escapes can spell what the file itself does not hold
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
        raise _RejectedError(f"is {_json_type(value)}; expected a label")
    label = str(value).strip()
    flaw = _flaw(label)
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
        raise _RejectedError(f"is {_json_type(value)}; expected a number")
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
        table.bad.append(_bad(row, str(reason)))
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
                f"its columns are {_listed(names) or 'none'}; {remedy}"
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
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            for row in rows:
                stream.write(json.dumps(_quarantined(row), ensure_ascii=False) + "\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


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
    _check_out_of_scope(name, task, names)
    return names


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
    others = f" (nor {_listed(unknown[1:])}, further down)" if unknown[1:] else ""
    if task.labels is not None:
        return f"{which}{others} in tasks.{name}.labels; {config.nearest(unknown[0], known)}"
    close = config.nearest(unknown[0], known)
    hint = f" ({close})" if close.startswith("did") else ""
    return (
        f"{which}{others}: the labels are learned from the train split, which lacks it{hint}; "
        f"correct the row or list all labels in tasks.{name}.labels"
    )


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(repr(_shortened(name)) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
