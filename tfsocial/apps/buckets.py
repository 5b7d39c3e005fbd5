"""Counts by the time at which things happened, whatever the order in which they came.

A series is cut into buckets of equal width. Its watermark is the latest time seen, less what events
may come late: a bucket before it is closed, what is said of it will mostly stay. An event that
comes still later corrects its bucket all the same, and the caller hears of it (the model of
Akidau et al., The Dataflow Model, VLDB 2015, with accumulating panes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from tfsocial.apps.events import INSERT, TABLES, Event

BUCKETS = sa.Table(
    "buckets",
    TABLES,
    sa.Column("series", sa.String(100), primary_key=True),
    sa.Column("label", sa.String(200), primary_key=True),
    sa.Column("start", sa.BigInteger(), primary_key=True),
    sa.Column("count", sa.BigInteger()),
)
WATERMARKS = sa.Table(
    "watermarks",
    TABLES,
    sa.Column("series", sa.String(100), primary_key=True),
    sa.Column("latest", sa.BigInteger()),
)


@dataclass(frozen=True)
class Buckets:
    """Counts of a series.

    Attributes:
        series: its name.
        width: seconds of a bucket.
        lateness: seconds that events may come late before their bucket is closed.
    """

    series: str
    width: int
    lateness: int = 0

    def start(self, happened: float) -> int:
        """Give the start of the bucket of a time, seconds since 1970.

        >>> Buckets("opinions", width=600).start(1_300.5)
        1200
        """
        return int(happened // self.width) * self.width

    def add(self, connection: Connection, found: Iterable[tuple[Event, str]]) -> list[int]:
        """Count events, each under its label.

        Returns:
            Starts of buckets that were closed before these events came, in order.
        """
        pairs = list(found)
        closed = self.closed_before(connection)
        counted = Counter((label, self.start(event.happened)) for event, label in pairs)
        if counted:
            self._count(connection, counted)
        if pairs:
            # Who says that something happens tomorrow must not close today for all others.
            latest = max(min(event.happened, event.arrived) for event, _ in pairs)
            self._see(connection, int(latest))
        return sorted({start for _, start in counted if start + self.width <= closed})

    def closed_before(self, connection: Connection) -> int:
        """Give the watermark: buckets that end no later are closed; 0 before the first event."""
        chosen = sa.select(WATERMARKS.c.latest).where(WATERMARKS.c.series == self.series)
        latest = connection.execute(chosen).scalar()
        return 0 if latest is None else latest - self.lateness

    def counts(self, connection: Connection, since: float, until: float) -> dict[int, Counter[str]]:
        """Give start -> counts by label of the buckets that begin in [since, until)."""
        chosen = (
            sa.select(BUCKETS.c.start, BUCKETS.c.label, BUCKETS.c.count)
            .where(BUCKETS.c.series == self.series)
            .where(BUCKETS.c.start >= since, BUCKETS.c.start < until)
            .order_by(BUCKETS.c.start, BUCKETS.c.label)
        )
        found: dict[int, Counter[str]] = {}
        for start, label, count in connection.execute(chosen):
            found.setdefault(start, Counter())[label] = count
        return found

    def clear(self, connection: Connection) -> None:
        """Forget all counts, before they are made anew from the log."""
        for table in (BUCKETS, WATERMARKS):
            connection.execute(sa.delete(table).where(table.c.series == self.series))

    def _count(self, connection: Connection, counted: Counter[tuple[str, int]]) -> None:
        rows = INSERT[connection.dialect.name](BUCKETS)
        more = {"count": BUCKETS.c.count + rows.excluded.count}
        connection.execute(
            rows.on_conflict_do_update(index_elements=["series", "label", "start"], set_=more),
            [
                {"series": self.series, "label": label, "start": start, "count": count}
                for (label, start), count in counted.items()
            ],
        )

    def _see(self, connection: Connection, latest: int) -> None:
        row = INSERT[connection.dialect.name](WATERMARKS).values(series=self.series, latest=latest)
        later = row.excluded.latest > WATERMARKS.c.latest
        connection.execute(
            row.on_conflict_do_update(
                index_elements=["series"], set_={"latest": row.excluded.latest}, where=later
            )
        )
