"""What persons did with items: what follows from the log of deeds, each deed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.consumers import Consumer
from tfsocial.apps.events import TABLES, Event, still_said
from tfsocial.apps.recommend.records import DAY, KINDS, Deed
from tfsocial.apps.sources.members import seconds, whole, word
from tfsocial.errors import InputError

STREAM, NAME = "deeds", "recommend deeds"
DEEDS = sa.Table(
    "recommend_deeds",
    TABLES,
    sa.Column("number", sa.BigInteger(), primary_key=True),
    sa.Column("person", sa.String(200)),
    sa.Column("item", sa.String(100)),
    sa.Column("kind", sa.String(20)),
    sa.Column("happened", sa.BigInteger()),
    sa.Column("quantity", sa.Float()),
    sa.Column("counted", sa.Boolean()),
    sa.Column("list", sa.String(64)),
)
MEMBERS = ("kind", "item", "quantity", "list")


def checked(event: Event, where: str) -> Event:
    """Read a deed as it came: kind, item, and maybe quantity and the list it came of.

    Raises:
        InputError: it is none; names the member.
    """
    content = dict(event.content)
    if unknown := sorted(set(content) - set(MEMBERS)):
        raise InputError(f"{where}: {unknown[0]}: is no member of a deed; leave it out")
    if content.get("kind") not in KINDS:
        raise InputError(f"{where}: kind: is none of {', '.join(KINDS)}")
    if not event.person:
        raise InputError(f"{where}: person: is not there; say whose deed it is")
    content["item"] = whole(word(content.get("item", ""), f"{where}: item"), f"{where}: item")
    if not 1 <= len(content["item"]) <= 100:
        raise InputError(f"{where}: item: has to have 1 to 100 characters")
    quantity = content.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int | float):
        raise InputError(f"{where}: quantity: is no number")
    if not 0 < quantity < 1e9:
        raise InputError(f"{where}: quantity: is not above 0; what came back is of kind returned")
    if "list" in content:
        content["list"] = word(content["list"], f"{where}: list")[:64]
    seconds(event.happened, f"{where}: time")
    return Event(
        STREAM, event.key, event.happened, content, whole(event.person, f"{where}: person")
    )


class History:
    """The deeds that are derived so far.

    Args:
        clicks_a_day: of a person that count; more are a program's, and are kept only.
    """

    def __init__(self, engine: Engine, clicks_a_day: int = 200):
        self._engine, self._most = engine, clicks_a_day
        self._consumer = Consumer(engine, STREAM, NAME, _rows, self._write)

    def step(self) -> int:
        """Take the next deeds of the log; gives how many."""
        return self._consumer.step()

    def catch_up(self) -> int:
        """Take all deeds that there are; gives how many."""
        return self._consumer.catch_up()

    def of_person(self, person: str) -> list[Deed]:
        """List a person's deeds, the first ones first."""
        chosen = sa.select(DEEDS).where(DEEDS.c.person == person)
        with self._engine.connect() as connection:
            rows = connection.execute(chosen.order_by(DEEDS.c.happened, DEEDS.c.number))
            return [_deed(row) for row in rows]

    def after(self, number: int) -> Iterator[tuple[int, str, Deed]]:
        """Give all deeds that count after a number of the log: number, person, deed."""
        chosen = sa.select(DEEDS).where(DEEDS.c.number > number, DEEDS.c.counted)
        with self._engine.connect() as connection:
            for row in connection.execute(chosen.order_by(DEEDS.c.number)):
                yield row.number, row.person, _deed(row)

    def count(self) -> int:
        """Count the deeds that count."""
        chosen = sa.select(sa.func.count()).where(DEEDS.c.counted)
        with self._engine.connect() as connection:
            return connection.execute(chosen).scalar_one()

    def counts(self) -> dict[tuple[str, str], int]:
        """Count deeds: (item, kind) -> how many are known."""
        chosen = sa.select(DEEDS.c.item, DEEDS.c.kind, sa.func.count())
        with self._engine.connect() as connection:
            rows = connection.execute(chosen.group_by(DEEDS.c.item, DEEDS.c.kind))
            return {(item, kind): count for item, kind, count in rows}

    def of_lists(self, since: float) -> dict[tuple[str, str], set[str]]:
        """Give what came of lists since a time: (list, item) -> kinds of deeds."""
        chosen = sa.select(DEEDS.c.list, DEEDS.c.item, DEEDS.c.kind).where(
            DEEDS.c.list != "", DEEDS.c.counted, DEEDS.c.happened >= round(1e6 * since)
        )
        found: dict[tuple[str, str], set[str]] = {}
        with self._engine.connect() as connection:
            for name, item, kind in connection.execute(chosen):
                found.setdefault((name, item), set()).add(kind)
        return found

    def forget(self, connection: Connection, person: str) -> int:
        """Delete what was derived of a person's deeds; gives how many they were."""
        return connection.execute(sa.delete(DEEDS).where(DEEDS.c.person == person)).rowcount

    def _write(
        self, connection: Connection, events: Sequence[Event], rows: list[dict[str, Any]]
    ) -> None:
        there = still_said(connection, [row["number"] for row in rows])
        rows = [row for row in rows if row["number"] in there]
        if rows:
            self._mark(connection, rows)
            connection.execute(sa.insert(DEEDS), rows)

    def _mark(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        """Say of each deed whether it counts for what all do.

        A person counts once for an item and a kind of deed, and with some clicks a day: so a
        program that clicks has no more of a voice than a person.
        """
        known = _known(connection, {row["person"] for row in rows})
        clicks = Counter(
            (person, day) for person, _, kind, day in known.values() if kind == "clicked"
        )
        for row in rows:
            person, kind, day = row["person"], row["kind"], _day(row["happened"])
            own = (person, row["item"], kind)
            row["counted"] = own not in known and (
                kind != "clicked" or clicks[person, day] < self._most
            )
            if row["counted"]:
                known[own] = (*own, day)
                clicks[person, day] += kind == "clicked"


def recount(events: Sequence[Event]) -> Mapping[tuple[str, str], int]:
    """Count the deeds of a log by themselves: (item, kind) -> how many."""
    return Counter((row["item"], row["kind"]) for row in _rows(events))


def _rows(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [
        {
            "number": event.number,
            "person": event.person,
            "item": event.content["item"],
            "kind": event.content["kind"],
            "happened": round(1e6 * min(event.happened, event.arrived)),
            "quantity": float(event.content.get("quantity", 1)),
            "list": event.content.get("list", ""),
        }
        for event in events
        if event.content  # else it was erased
    ]


def _known(
    connection: Connection, persons: Collection[str]
) -> dict[tuple[str, str, str], tuple[str, str, str, int]]:
    """Read what persons did that counts: person, item, kind -> the same with its day."""
    names = sorted(persons)
    found = {}
    for start in range(0, len(names), 500):
        chosen = sa.select(DEEDS).where(
            DEEDS.c.person.in_(names[start : start + 500]), DEEDS.c.counted
        )
        for row in connection.execute(chosen):
            own = (row.person, row.item, row.kind)
            found[own] = (*own, _day(row.happened))
    return found


def _day(happened: int) -> int:
    return int(happened // (1e6 * DAY))


def _deed(row: sa.Row) -> Deed:
    return Deed(row.item, row.kind, row.happened / 1e6, row.quantity)
