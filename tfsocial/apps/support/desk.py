"""The desk: talks that wait for a person, in the order in which they came, and who has which."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.consumers import Consumer
from tfsocial.apps.database import writing
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

PRESENCE = sa.Table(
    "support_presence",
    TABLES,
    sa.Column("agent", sa.String(200), primary_key=True),
    sa.Column("seen", sa.BigInteger()),
)
PRESENT = 120.0  # seconds after which somebody of whom nothing is heard has left
NOTED = 20.0  # seconds for which presence is not written again


@dataclass(frozen=True)
class Waiting:
    """A talk at the desk.

    Attributes:
        reason: one of `talk.REASONS`.
        at: since when, seconds since 1970.
        agent: who has it; empty: nobody yet.
        said: the customer's last message, where it is shown.
    """

    talk: str
    reason: str
    at: float
    agent: str
    said: str = ""


class Desk:
    """What the desk's events come to."""

    def __init__(self, engine: Engine):
        self._engine = engine
        self._reader = Consumer(engine, STREAM, "support desk", _nothing, _write)
        self._noted: dict[str, float] = {}

    def here(self, agent: str) -> None:
        """Note that an agent is at the desk."""
        now = time.time()
        if now - self._noted.get(agent, 0.0) < NOTED:
            return
        self._noted = {name: at for name, at in self._noted.items() if now - at < NOTED}
        self._noted[agent] = now
        seen = round(1e6 * now)
        with writing(self._engine) as connection:
            row = INSERT[connection.dialect.name](PRESENCE).values(agent=agent, seen=seen)
            connection.execute(
                row.on_conflict_do_update(index_elements=["agent"], set_={"seen": seen})
            )

    def staffed(self) -> bool:
        """Say whether anybody is at the desk."""
        since = round(1e6 * (time.time() - PRESENT))
        chosen = sa.select(sa.func.count()).where(PRESENCE.c.seen >= since)
        with self._engine.connect() as connection:
            return bool(connection.execute(chosen).scalar())

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
