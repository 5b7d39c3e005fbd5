"""One file to rows: csv, tsv, jsonl and txt, plain or .gz, local or gs://.

Lines are counted as an editor counts them: physical lines from 1, the header included; a row
is named by the line it starts on. A row that cannot be read is a `BadRow` and hurts no other.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from tfsocial.config import InputError


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


def read_rows(path: str | Path, file_format: str = "auto") -> Iterator[Row | BadRow]:
    """Rows of one file in order, in constant memory.

    Blank lines of csv, tsv and jsonl are no rows; in txt every line is a row
    with the one column `text`. `file_format` is csv, tsv, jsonl, txt, or auto (by suffix).

    Raises:
        InputError: the file cannot be read, has no usable header or no rows.
    """
    file = str(path)
    parse = _PARSERS[format_of(file, file_format)]
    return sound(parse(_lines(file), file), file)


def sound(found: Iterable[Row | BadRow], name: str) -> Iterator[Row | BadRow]:
    """The rows of a file or of a part of a set, those that hold what no text may as bad ones.

    Raises:
        InputError: there is none.
    """
    empty = True
    for row in found:
        empty = False
        fault = flaw_of(row.raw)
        yield bad(row, fault) if fault else row
    if empty:
        raise InputError(f"{name}: has no rows; expected at least one example")


def bad(row: Row | BadRow, reason: str) -> BadRow:
    return BadRow(row.file, row.line, reason, row.raw)


def format_of(file: str, file_format: str) -> str:
    suffix = file.lower().removesuffix(".gz").rpartition(".")[2]
    name = suffix if file_format == "auto" else file_format
    if name not in FORMATS:
        raise InputError(
            f"{file}: cannot tell its format from the name; "
            f"end it in {', '.join(f'.{known}' for known in FORMATS)} (or .gz after it), "
            "or set data.format"
        )
    return name


# --- physical lines --------------------------------------------------------------------


def _lines(file: str) -> Iterator[str]:
    """Physical lines with their ends; bytes that are no UTF-8 become lone surrogates.

    Splitting comes before decoding, so that a broken byte hurts its own line only.
    """
    with file_errors(file), _opened(file) as stream:
        first = stream.readline()
        if first.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{file}: is UTF-16; save it as UTF-8")
        first = first.removeprefix(b"\xef\xbb\xbf")
        # Without any line feed this is the whole file, and its lines may end in lone CR.
        yield from map(_decoded, [first] if first.endswith(b"\n") else first.splitlines(True))
        yield from map(_decoded, stream)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    with raw(file) as stream:
        if file.lower().endswith(".gz"):
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield unpacked
        else:
            yield stream


def raw(file: str) -> Any:
    """The bytes of a file as they are stored, local or gs://; a context manager."""
    if "://" not in file:
        return open(file, "rb")
    import tensorflow as tf

    return tf.io.gfile.GFile(file, "rb")


_BLOCK = 2**20


def blocks(file: str) -> Iterator[bytes]:
    """The bytes of a file as they are stored, a part at a time.

    Raises:
        InputError: it cannot be read.
    """
    with file_errors(file), raw(file) as stream:
        while block := stream.read(_BLOCK):
            yield block


@contextlib.contextmanager
def file_errors(file: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(
            f"{file}: the gzip data is cut short or damaged; fetch the file again"
        ) from None
    except (OSError, *_remote_errors(file)) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", error)
        raise unreadable(file, reason) from None


def unreadable(file: str, reason: object) -> InputError:
    """Says so in one line; what a bucket says has several."""
    check = "the path, the network and the credentials" if "://" in file else "the path"
    return InputError(f"{file}: cannot be read ({' '.join(str(reason).split())}); check {check}")


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


def flaw_of(string: str) -> str | None:
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
        raise InputError(f"{file}: is empty; expected a header line with the column names")
    flaw = record.flaw or flaw_of(record.raw)
    if flaw:
        raise InputError(f"{file}:{record.line}: the header cannot be read ({flaw})")
    names = [name.strip() for name in record.fields]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(
            f"{file}:{record.line}: the header names {listed(twice)} twice; rename one of the two"
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
        flaw = f"not a JSON object but {json_type(values)}"
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


def json_type(value: Any) -> str:
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
FORMATS = (*_PARSERS, "tfrecord")  # the last is not of lines: data/tfrecord.py


# --- rows that no line holds ---------------------------------------------------------------


def as_json(values: Mapping[str, Any]) -> str:
    """A row as it could stand in a jsonl file.

    >>> as_json({"text": "hé", "label": None})
    '{"text": "hé", "label": null}'
    """
    return json.dumps(values, ensure_ascii=False)


def first_line(error: Exception, most: int = 200) -> str:
    """Of what another package says, the beginning."""
    line = str(error).strip().partition("\n")[0].rstrip(".:")
    return line if len(line) <= most else f"{line[:most]}..."


# --- names in messages -------------------------------------------------------------------


def listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(repr(_shortened(name)) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
