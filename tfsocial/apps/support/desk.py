"""The desk: talks that wait for a person, in the order in which they came, and who has which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.consumers import Consumer
from tfsocial.apps.events import INSERT, TABLES, Event

STREAM = "desk"
DESK = sa.Table(
    "support_desk",
    TABLES,
    sa.Column("talk", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(20)),
    sa.Column("reason", sa.String(20)),
    sa.Column("since", sa.BigInteger()),
    sa.Column("at", sa.BigInteger()),
    sa.Column("agent", sa.String(200)),
)


@dataclass(frozen=True)
class Waiting:
    """A talk at the desk.

    Attributes:
        reason: one of `talk.REASONS`.
        at: since when, seconds since 1970.
        agent: who has it; empty: nobody yet.
    """

    talk: str
    reason: str
    at: float
    agent: str


class Desk:
    """What the desk's events come to."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._reader = Consumer(engine, STREAM, "support desk", _nothing, _write)

    def waiting(self) -> list[Waiting]:
        """List the talks at the desk; who waits longest comes first."""
        self._reader.catch_up()
        chosen = sa.select(DESK).where(DESK.c.state != "resolved").order_by(DESK.c.since)
        with self._engine.connect() as connection:
            return [
                Waiting(row.talk, row.reason, row.at / 1e6, row.agent)
                for row in connection.execute(chosen)
            ]

    def place(self, talk: str) -> int:
        """Give a talk's place among those that nobody has yet, from 1 on; 0: it does not wait."""
        unclaimed = [one.talk for one in self.waiting() if not one.agent]
        return unclaimed.index(talk) + 1 if talk in unclaimed else 0


def event(talk: str, key: str, now: float, kind: str, **more: str) -> Event:
    """Make an event of the desk: handover, claimed or resolved."""
    return Event(STREAM, f"{talk} {key}", now, {"talk": talk, "kind": kind, **more})


def _nothing(events: Sequence[Event]) -> None:
    return None


def _write(connection: Connection, events: Sequence[Event], _: None) -> None:
    for one in events:
        content = one.content
        talk, kind = content["talk"], content["kind"]
        if kind == "handover":
            values = {
                "state": "waiting",
                "reason": content["reason"],
                "since": one.number,
                "at": round(1e6 * one.happened),
                "agent": "",
            }
            row = INSERT[connection.dialect.name](DESK).values(talk=talk, **values)
            connection.execute(row.on_conflict_do_update(index_elements=["talk"], set_=values))
            continue
        values = {"state": "resolved"}
        if kind == "claimed":
            values = {"state": "with_agent", "agent": content["agent"]}
        connection.execute(sa.update(DESK).where(DESK.c.talk == talk).values(values))
