"""A row of any source, readable or not, and how messages speak of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tfsocial.errors import InputError


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


def sound(rows: Iterable[Row | BadRow], name: str) -> Iterator[Row | BadRow]:
    """Yield a file's or a part's rows, those that hold what no text may as bad ones.

    Raises:
        InputError: there is none.
    """
    empty = True
    for row in rows:
        empty = False
        fault = flaw_of(row.raw)
        yield bad(row, fault) if fault else row
    if empty:
        raise InputError(f"{name}: has no rows; expected at least one example")


def bad(row: Row | BadRow, reason: str) -> BadRow:
    """Reject a row for this reason."""
    return BadRow(row.file, row.line, reason, row.raw)


_SURROGATE = re.compile("[\ud800-\udfff]")


def flaw_of(string: str) -> str | None:
    """Say what makes a string unusable as text anywhere, or None."""
    if "\0" in string:
        return "NUL character"
    if not string.isascii() and _SURROGATE.search(string):
        return "invalid UTF-8"
    return None


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
    """Name a value's type as JSON calls it."""
    return _JSON_TYPES[type(value)]


def as_json(values: Mapping[str, Any]) -> str:
    """Write a row as it could stand in a jsonl file.

    >>> as_json({"text": "hé", "label": None})
    '{"text": "hé", "label": null}'
    """
    return json.dumps(values, ensure_ascii=False)


def first_line(error: Exception, most: int = 200) -> str:
    """Take the beginning of what another package says."""
    line = str(error).strip().partition("\n")[0].rstrip(".:")
    return line if len(line) <= most else f"{line[:most]}..."


def listed(names: Sequence[str], most: int = 10) -> str:
    """Quote the first names, shortened, and count the others."""
    shown = ", ".join(repr(_shortened(name)) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _shortened(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:57]}..."
