"""Who derives something from the log, each event once, however often the program is killed.

What a consumer writes and how far it is are one transaction: both are on the disk, or neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.database import writing
from tfsocial.apps.events import INSERT, TABLES, Event, next_events

CONSUMERS = sa.Table(
    "consumers",
    TABLES,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("after", sa.BigInteger()),
)
AT_ONCE = 200  # events of a transaction

Compute = Callable[[Sequence[Event]], Any]
_Computed = tuple[Sequence[Event], Any]
Write = Callable[[Connection, Sequence[Event], Any], None]


class Consumer:
    """One reader of a stream.

    Args:
        name: under which it is known how far it is.
        compute: what follows from events, as a model's answers; meanwhile others may write.
        write: writes that, by the connection that it is given and by no other.
        most: events of a transaction.
        ahead: whether, while some events are written, the next ones are computed on in a thread.
    """

    def __init__(
        self,
        engine: Engine,
        stream: str,
        name: str,
        compute: Compute,
        write: Write,
        most: int = AT_ONCE,
        ahead: bool = False,
    ):
        self._engine, self._stream, self._name = engine, stream, name
        self._compute, self._write, self._most = compute, write, most
        self._ahead = ahead
        self._next: tuple[int, Future[_Computed]] | None = None

    def step(self) -> int:
        """Take the next events, if there are any.

        Returns:
            How many; 0 also if another process of this name has taken them meanwhile.
        """
        with self._engine.connect() as connection:
            after = self._after(connection)
        begun, self._next = self._next, None
        if begun and begun[0] == after:
            events, computed = begun[1].result()
        else:
            events, computed = self._computed(after)
        if not events:
            return 0
        if self._ahead and len(events) == self._most:  # there may be more
            last = events[-1].number
            self._next = last, _begun(partial(self._computed, last))
        with writing(self._engine) as connection:
            if self._after(connection) != after:
                return 0
            self._write(connection, events, computed)
            self._set_after(connection, events[-1].number)
        return len(events)

    def catch_up(self) -> int:
        """Take all events that there are; gives how many."""
        total = 0
        while count := self.step():
            total += count
        return total

    def start_anew(self) -> None:
        """Begin at the first event next time; what was derived is the caller's to delete."""
        with writing(self._engine) as connection:
            self._set_after(connection, 0)

    def _computed(self, after: int) -> _Computed:
        with self._engine.connect() as connection:
            events = next_events(connection, self._stream, after, self._most)
        return events, self._compute(events) if events else None

    def _after(self, connection: Connection) -> int:
        known = sa.select(CONSUMERS.c.after).where(CONSUMERS.c.name == self._name)
        return connection.execute(known).scalar() or 0

    def _set_after(self, connection: Connection, number: int) -> None:
        row = INSERT[connection.dialect.name](CONSUMERS).values(name=self._name, after=number)
        connection.execute(
            row.on_conflict_do_update(index_elements=["name"], set_={"after": number})
        )


def _begun(work: Callable[[], _Computed]) -> Future[_Computed]:
    """Work in a thread that nobody waits for at the end, as on a model that answers no more."""
    found: Future[_Computed] = Future()

    def run() -> None:
        try:
            found.set_result(work())
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found
