"""From a message to an event: one JSON object each, as in a line of NDJSON."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from tfsocial.apps.events import Event
from tfsocial.apps.sources.members import object_of, seconds, word


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
    content = object_of(message, place)
    key = word(content.pop(fields.key, key or place), f"{place}: {fields.key}")
    person = word(content.pop(fields.person, ""), f"{place}: {fields.person}")
    happened = seconds(content.pop(fields.time, now), f"{place}: {fields.time}")
    return Event(stream, key, happened, content, person)


def events_of(
    body: bytes, stream: str, place: str, now: float, fields: Fields | None = None
) -> Iterator[Event]:
    """Read lines of NDJSON that somebody sent; empty ones are passed over.

    A line without a key gets one of its own: a first line that is sent later is another event.

    Raises:
        InputError: a line is no event; names its number.
    """
    sent = secrets.token_hex(8)
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            key = f"{sent} {number}"
            yield event_of(line, stream, f"{place}:{number}", now, fields, key)
