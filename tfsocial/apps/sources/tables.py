"""Files that an application is given: tables, or lines of JSON, with the place of each row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from tfsocial.errors import InputError

Row = tuple[str, dict[str, Any]]  # FILE:LINE, and what stands there


def rows_of(path: Path, needed: Collection[str] = ()) -> Iterator[Row]:
    """Give the rows of a file: .csv with a first line of names, .jsonl, or either with .gz.

    Args:
        needed: columns that a table has to have.

    Raises:
        InputError: it cannot be read, or a row of it; names the line.
    """
    if not is_table(path) and _kind(path) != ".jsonl":
        raise InputError(f"{path}: is neither .csv nor .jsonl")
    try:
        with _opened(path) as file:
            yield from (_cells(path, file, needed) if is_table(path) else rows_of_lines(path, file))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 (byte {error.start + 1} of a part)") from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason})") from None


def is_table(path: Path) -> bool:
    """Tell whether a file's rows are cells, which are texts all of them.

    >>> is_table(Path("a.csv.gz")), is_table(Path("a.jsonl"))
    (True, False)
    """
    return _kind(path) == ".csv"


def _kind(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix


def rows_of_lines(name: Path | str, file: Iterable[str]) -> Iterator[Row]:
    """Give the objects of lines of JSON; empty lines are passed over.

    Raises:
        InputError: a line is none; names its number.

    >>> list(rows_of_lines("body", ['{"id": 1}', ""]))
    [('body:1', {'id': 1})]
    """
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}:{number}: is no JSON ({error})") from None
        if not isinstance(row, dict):
            raise InputError(f"{name}:{number}: is no JSON object")
        yield f"{name}:{number}", row


def rows_of_body(name: str, body: bytes) -> Iterator[Row]:
    """Give the objects of what a caller sent as lines of JSON.

    Raises:
        InputError: it is not UTF-8, or a line is none.
    """
    try:
        lines = body.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is not UTF-8 (byte {error.start + 1})") from None
    return rows_of_lines(name, lines)


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _cells(path: Path, file: IO[str], needed: Collection[str]) -> Iterator[Row]:
    table = csv.DictReader(file)
    try:
        if lacking := [name for name in needed if name not in (table.fieldnames or ())]:
            raise InputError(f"{path}: has no column {lacking[0]}")
        for row in table:
            where = f"{path}:{table.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{where}: has more or fewer cells than the first line")
            yield where, row
    except csv.Error as error:
        raise InputError(f"{path}:{table.line_num}: is no CSV ({error})") from None
