"""The members of a message: what is read of them, whoever reads it; needs no database."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

from tfsocial.errors import InputError

MOST = 1 << 20  # bytes of a message
EARLIEST, LATEST = 0.0, 253_402_300_799.0  # seconds since 1970: up to the end of the year 9999


def object_of(message: bytes | str, place: str) -> dict[str, Any]:
    """Read a message, one JSON object.

    Args:
        place: of the message in its source, as FILE:LINE; named in errors.

    Raises:
        InputError: it is none.

    >>> object_of(b'{"text": "late again"}', "a:1")
    {'text': 'late again'}
    """
    if len(message) > MOST:
        raise InputError(f"{place}: is above {MOST} bytes; send a shorter text")
    try:
        text = message.decode("utf-8") if isinstance(message, bytes) else message
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: is not UTF-8 (byte {error.start + 1})") from None
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: is no JSON ({error})") from None
    if not isinstance(found, Mapping):
        raise InputError(f"{place}: is no JSON object; write {{...}}, one a line")
    return dict(found)


def word(value: Any, where: str) -> str:
    """Read a member that is a text, or a whole number.

    Raises:
        InputError: it is neither.
    """
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise InputError(f"{where}: is neither a text nor a whole number")


def whole(text: str, where: str) -> str:
    """Refuse a text with half a character, which no file and no answer can hold.

    Raises:
        InputError: it has a surrogate without its other half.

    >>> whole("\\ud83d", "text")
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: text: holds half a character (a lone surrogate); send whole ones
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: holds half a character (a lone surrogate); send whole ones"
        ) from None
    return text


def seconds(value: Any, where: str) -> float:
    """Read a time as seconds since 1970.

    Raises:
        InputError: it is none.

    >>> seconds("2015-02-24T11:35:00-08:00", "time"), seconds("1424806500", "a table's cell")
    (1424806500.0, 1424806500.0)
    """
    found = math.nan
    if isinstance(value, str):
        found = _seconds_of(value.strip())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value) if abs(value) <= LATEST else math.inf
    if not EARLIEST <= found <= LATEST:
        raise InputError(
            f"{where}: {str(value)[:40]!r} is no time; write seconds since 1970 or as "
            "2026-11-29T20:15:00Z"
        )
    return found


def _seconds_of(text: str) -> float:
    """Read ISO 8601, or a number as a table has it; nan: it is neither."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return math.nan
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return zoned.timestamp()


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")
