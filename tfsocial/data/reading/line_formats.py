"""Files of lines to rows: csv, tsv, jsonl and txt, plain or .gz, local or gs://."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tfsocial.data.reading.csv_records import table_rows
from tfsocial.data.reading.rows import BadRow, Row, json_type, sound
from tfsocial.data.reading.storage import lines_of
from tfsocial.errors import InputError


def read_lines(path: str | Path, file_format: str = "auto") -> Iterator[Row | BadRow]:
    """Read the rows of one file in order, in constant memory.

    Blank lines of csv, tsv and jsonl are no rows; in txt every line is a row
    with the one column `text`. `file_format` is csv, tsv, jsonl, txt, or auto (by suffix).

    Raises:
        InputError: the file cannot be read, has no usable header or no rows.
    """
    file = str(path)
    parse = _PARSERS[format_of(file, file_format)]
    return sound(parse(lines_of(file), file), file)


def format_of(file: str, file_format: str) -> str:
    """Tell the format of a file, by its name where the config says `auto`.

    Raises:
        InputError: the name says none.
    """
    suffix = file.lower().removesuffix(".gz").rpartition(".")[2]
    name = suffix if file_format == "auto" else file_format
    if name not in FORMATS:
        raise InputError(
            f"{file}: cannot tell its format from the name; "
            f"end it in {', '.join(f'.{known}' for known in FORMATS)} (or .gz after it), "
            "or set data.format"
        )
    return name


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


def _text_rows(lines: Iterator[str], file: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        yield Row({"text": line.rstrip("\r\n")}, file, number, line)


_PARSERS: dict[str, Callable[[Iterator[str], str], Iterable[Row | BadRow]]] = {
    "csv": lambda lines, file: table_rows(lines, file, ","),
    "tsv": lambda lines, file: table_rows(lines, file, "\t"),
    "jsonl": _json_rows,
    "txt": _text_rows,
}

FORMATS = (*_PARSERS, "tfrecord")  # the last is not of lines: tfrecord.py
