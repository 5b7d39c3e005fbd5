"""The stored texts behind the counts: copies folded, with how many there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from tfsocial.apps.events import EVENTS
from tfsocial.apps.monitor.opinions import OPINIONS, text_in

MOST = 200  # texts that are shown at once


@dataclass(frozen=True)
class Shown:
    """A text, as it is stored.

    Attributes:
        text: empty: it was erased.
        copies: how many texts of that time are copies of one another, this one too.
        sources: where these were read.
    """

    number: int
    happened: float
    text: str
    sentiment: str
    probability: float
    copies: int
    sources: Sequence[str]
    link: str = ""


def between(
    connection: Connection,
    version: str,
    topic: str,
    since: float,
    until: float,
    sentiment: str = "",
    most: int = MOST,
) -> list[Shown]:
    """List the texts of a topic in a time, the latest first; of copies the first one.

    Args:
        sentiment: empty: all.
    """
    table = OPINIONS.c
    wanted = [
        table.version == version,
        table.topic == topic,
        table.happened >= int(since),
        table.happened < int(until),
    ]
    if sentiment:
        wanted.append(table.sentiment == sentiment)
    heaps = (
        sa.select(
            sa.func.min(table.number).label("number"),
            sa.func.count().label("copies"),
            sa.func.max(table.happened).label("latest"),
            table.copy_of,
        )
        .where(*wanted)
        .group_by(table.copy_of)
        .order_by(sa.desc("latest"), sa.desc("number"))
        .limit(most)
        .subquery()
    )
    chosen = (
        sa.select(OPINIONS, heaps.c.copies, heaps.c.latest, EVENTS.c.content)
        .join(heaps, (heaps.c.number == table.number))
        .join(EVENTS, EVENTS.c.number == table.number)
        .where(table.version == version, table.topic == topic)
        .order_by(heaps.c.latest.desc(), heaps.c.number.desc())
    )
    rows = connection.execute(chosen).all()
    sources = _sources(connection, wanted, [row.copy_of for row in rows])
    return [_shown(row, sources.get(row.copy_of, [])) for row in rows]


def _sources(
    connection: Connection, wanted: Sequence[sa.ColumnElement[bool]], originals: Sequence[int]
) -> dict[int, list[str]]:
    table = OPINIONS.c
    chosen = (
        sa.select(table.copy_of, table.source)
        .where(*wanted, table.copy_of.in_(originals), table.source != "")
        .distinct()
        .order_by(table.source)
    )
    found: dict[int, list[str]] = {}
    for original, source in connection.execute(chosen) if originals else ():
        found.setdefault(original, []).append(source)
    return found


def _shown(row: sa.Row, sources: Sequence[str]) -> Shown:
    content = json.loads(row.content)
    link = content.get("link")
    return Shown(
        row.number,
        float(row.happened),
        text_in(row.content),
        row.sentiment,
        row.probability,
        row.copies,
        sources,
        link if isinstance(link, str) and link.startswith(("https://", "http://")) else "",
    )
