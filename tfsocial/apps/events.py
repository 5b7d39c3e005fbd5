"""The log of what happened, to which is only ever added; all else is derived from it.

An event has a key: sent twice it is one event. It has the time at which it happened and the time
at which it came: the order of the log is that of coming.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from tfsocial.apps.database import compact, writing
from tfsocial.errors import InputError

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = sa.MetaData()
EVENTS = sa.Table(
    "events",
    TABLES,
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("stream", sa.String(100)),
    sa.Column("key", sa.String(64)),
    sa.Column("happened", sa.BigInteger()),
    sa.Column("arrived", sa.BigInteger()),
    sa.Column("person", sa.String(200)),
    sa.Column("content", sa.Text()),
)
# How far each source was read; in the log's own transactions.
POSITIONS = sa.Table(
    "positions",
    TABLES,
    sa.Column("source", sa.String(500), primary_key=True),
    sa.Column("position", sa.Text()),
)
AT_ONCE = 500  # events of a statement
EMPTY = "{}"  # the content of what was erased
# Both know what to do with a row whose key is there already.
INSERT: Mapping[str, Callable[..., Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        stream: what it belongs to, as `opinions`.
        key: of its own in the stream.
        happened: seconds since 1970, UTC.
        content: JSON values.
        person: whose it is, for export and erasure; empty: nobody's.
        arrived: seconds since 1970; set by the log.
        number: in the log, from 1 on; set by the log.
    """

    stream: str
    key: str
    happened: float
    content: Mapping[str, Any] = field(default_factory=dict)
    person: str = ""
    arrived: float = 0.0
    number: int = 0


class EventLog:
    """The log in a database."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def add(self, events: Iterable[Event], positions: Mapping[str, str] | None = None) -> int:
        """Add events, all or none; those whose key is known already are left out.

        Args:
            positions: source -> where it goes on after these events.

        Returns:
            How many were new.

        Raises:
            InputError: an event cannot be kept; names its key.
        """
        rows = [_row(event, time.time()) for event in events]
        with writing(self._engine) as connection:
            for source, position in (positions or {}).items():
                _keep_position(connection, source, position)
            return _added(connection, rows)

    def position(self, source: str) -> str:
        """Give where a source goes on; empty for one that was never read."""
        chosen = sa.select(POSITIONS.c.position).where(POSITIONS.c.source == source)
        with self._engine.connect() as connection:
            return connection.execute(chosen).scalar() or ""

    def after(self, stream: str, number: int, most: int) -> list[Event]:
        """List the next events of a stream."""
        with self._engine.connect() as connection:
            return next_events(connection, stream, number, most)

    def latest(self, stream: str, most: int) -> list[Event]:
        """List the last events of a stream, the newest first."""
        chosen = sa.select(EVENTS).where(EVENTS.c.stream == stream)
        with self._engine.connect() as connection:
            rows = connection.execute(chosen.order_by(EVENTS.c.number.desc()).limit(most))
            return [_event(row) for row in rows]

    def last_number(self) -> int:
        """Give the number of the newest event; 0: there is none."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(EVENTS.c.number))).scalar() or 0

    def streams_after(self, number: int) -> dict[str, int]:
        """Give the streams that grew after a number, each with its newest event's number."""
        newest = sa.func.max(EVENTS.c.number)
        chosen = sa.select(EVENTS.c.stream, newest).where(EVENTS.c.number > number)
        with self._engine.connect() as connection:
            return dict(connection.execute(chosen.group_by(EVENTS.c.stream)).tuples().all())

    def of_person(self, person: str) -> list[Event]:
        """List all events of a person, for whoever asks what is known of them."""
        chosen = sa.select(EVENTS).where(EVENTS.c.person == person).order_by(EVENTS.c.number)
        with self._engine.connect() as connection:
            return [_event(row) for row in connection.execute(chosen)]

    def drop(self, stream: str, before: float) -> int:
        """Delete the events of a stream that happened before a time; gives how many.

        For streams that nothing is derived from; the disk is not compacted.
        """
        old = (EVENTS.c.stream == stream) & (EVENTS.c.happened < round(1e6 * before))
        with writing(self._engine) as connection:
            return connection.execute(sa.delete(EVENTS).where(old)).rowcount

    def forget(
        self, person: str, derived: Callable[[Connection], Iterable[Event]] | None = None
    ) -> int:
        """Erase what a person's events say, and that they were theirs; gives how many there were.

        The events stay, empty: counts stay what they were, and the same event sent again is not
        taken for a new one. Their keys are hashes in the log.

        Args:
            derived: erases what was derived from them, by the connection that it is given, and says
                which events tell of that; in the same transaction, so all goes or nothing.
        """
        if not person:
            raise ValueError("no person is named")
        emptied = (
            sa.update(EVENTS).where(EVENTS.c.person == person).values(person="", content=EMPTY)
        )
        with writing(self._engine) as connection:
            count = connection.execute(emptied).rowcount
            if derived:
                _added(connection, [_row(event, time.time()) for event in derived(connection)])
        compact(self._engine)
        return count


def next_events(connection: Connection, stream: str, number: int, most: int) -> list[Event]:
    """List the events of a stream after a number, the first ones first."""
    chosen = (
        sa.select(EVENTS)
        .where(EVENTS.c.stream == stream, EVENTS.c.number > number)
        .order_by(EVENTS.c.number)
        .limit(most)
    )
    return [_event(row) for row in connection.execute(chosen)]


def still_said(connection: Connection, numbers: Iterable[int]) -> set[int]:
    """Give those of some events that were not erased.

    For who writes what he computed from events that he read in an earlier transaction.
    """
    chosen = sa.select(EVENTS.c.number).where(
        EVENTS.c.number.in_(list(numbers)), EVENTS.c.content != EMPTY
    )
    return set(connection.execute(chosen).scalars())


def _keep_position(connection: Connection, source: str, position: str) -> None:
    row = INSERT[connection.dialect.name](POSITIONS).values(source=source, position=position)
    connection.execute(
        row.on_conflict_do_update(index_elements=["source"], set_={"position": position})
    )


def _added(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(
        _inserted(connection, rows[start : start + AT_ONCE])
        for start in range(0, len(rows), AT_ONCE)
    )


def _inserted(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows whose keys are new; gives how many."""
    statement = INSERT[connection.dialect.name](EVENTS).values(rows)
    statement = statement.on_conflict_do_nothing(index_elements=["stream", "key"])
    return len(connection.execute(statement.returning(EVENTS.c.number)).all())


def _row(event: Event, now: float) -> dict[str, Any]:
    for name, most in (("stream", 100), ("person", 200)):
        value = getattr(event, name)
        if len(value) > most or "\0" in value:
            raise InputError(f"event {event.key!r}: {name}: has above {most} characters, or a NUL")
    try:
        content = json.dumps(event.content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"event {event.key!r}: content: is no JSON ({error})") from None
    return {
        "stream": event.stream,
        # Hashed: keys of others may name people, and are of any length.
        "key": hashlib.sha256(event.key.encode("utf-8", "surrogatepass")).hexdigest(),
        "happened": round(1e6 * event.happened),
        "arrived": round(1e6 * now),
        "person": event.person,
        "content": content,
    }


def _event(row: sa.Row) -> Event:
    return Event(
        row.stream,
        row.key,
        row.happened / 1e6,
        json.loads(row.content),
        row.person,
        row.arrived / 1e6,
        row.number,
    )
