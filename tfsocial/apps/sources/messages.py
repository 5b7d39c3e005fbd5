"""From a message to an event: one JSON object each, as in a line of NDJSON."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tfsocial.apps.events import Event
from tfsocial.errors import InputError

MOST = 1 << 20  # bytes of a message
EARLIEST, LATEST = 0.0, 253_402_300_799.0  # seconds since 1970: up to the end of the year 9999


@dataclass(frozen=True)
class Fields:
    """Which members of a message are what; all other members are the event's content too.

    Attributes:
        key: what makes it one of its own; where a message has none its place in the source does.
        time: when it happened: seconds since 1970, or ISO 8601 (without a zone: UTC); where a
            message has none it is when it came.
        person: whose it is.
    """

    key: str = "key"
    time: str = "time"
    person: str = "person"


def event_of(
    message: bytes | str,
    stream: str,
    place: str,
    now: float,
    fields: Fields | None = None,
    key: str = "",
) -> Event:
    """Read a message.

    Args:
        place: of the message in its source, as FILE:LINE; named in errors.
        now: seconds since 1970.
        key: of a message that has none itself; where this is empty it is the place.

    Raises:
        InputError: it is no event.

    >>> event_of('{"text": "late again", "time": 5}', "opinions", "a:1", now=9.0)
    Event(stream='opinions', key='a:1', happened=5.0, content={'text': 'late again'}, person='', \
arrived=0.0, number=0)
    """
    fields = fields or Fields()
    content = _object(message, place)
    key = _text(content.pop(fields.key, key or place), f"{place}: {fields.key}")
    person = _text(content.pop(fields.person, ""), f"{place}: {fields.person}")
    happened = seconds(content.pop(fields.time, now), f"{place}: {fields.time}")
    return Event(stream, key, happened, content, person)


def events_of(
    body: bytes, stream: str, place: str, now: float, fields: Fields | None = None
) -> Iterator[Event]:
    """Read lines of NDJSON; empty ones are passed over.

    Raises:
        InputError: a line is no event; names its number.
    """
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            yield event_of(line, stream, f"{place}:{number}", now, fields)


def seconds(value: Any, where: str) -> float:
    """Read a time as seconds since 1970.

    Raises:
        InputError: it is none.

    >>> seconds("2015-02-24T11:35:00-08:00", "time")
    1424806500.0
    """
    found = math.nan
    if isinstance(value, str):
        try:
            moment = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            pass
        else:
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
            found = zoned.timestamp()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value) if abs(value) <= LATEST else math.inf
    if not EARLIEST <= found <= LATEST:
        raise InputError(
            f"{where}: {str(value)[:40]!r} is no time; write seconds since 1970 or as "
            "2026-11-29T20:15:00Z"
        )
    return found


def _object(message: bytes | str, place: str) -> dict[str, Any]:
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


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no value of JSON")


def _text(value: Any, where: str) -> str:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise InputError(f"{where}: is neither a text nor a whole number")
