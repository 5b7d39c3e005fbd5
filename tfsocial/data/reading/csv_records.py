"""Lines of csv and tsv to rows.

The header is a line; a row is named by the line it starts on. A row that cannot be read is a
`BadRow` and hurts no other.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tfsocial.data.reading.rows import BadRow, Row, flaw_of, listed
from tfsocial.errors import InputError

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
    """Yield csv records; broken quoting costs its first line, the others are read anew.

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


def table_rows(lines: Iterator[str], file: str, delimiter: str) -> Iterator[Row | BadRow]:
    """Read the rows of a csv or tsv file, whose first record is the header."""
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
