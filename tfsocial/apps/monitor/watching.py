"""Looks at the counts of topics and sources, and says when incidents begin, grow and end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.buckets import WATERMARKS
from tfsocial.apps.monitor import incidents
from tfsocial.apps.monitor.alarms import Alarms
from tfsocial.apps.monitor.detection.expected import expected
from tfsocial.apps.monitor.detection.scan import Scanned, band, newest
from tfsocial.apps.monitor.detection.settings import Settings
from tfsocial.apps.monitor.fits import Fits, Quiet
from tfsocial.apps.monitor.hours import phases
from tfsocial.apps.monitor.incidents import (
    A_DAY,
    AN_HOUR,
    CALM,
    LEAST_COPIES,
    LONGEST,
    Incident,
    voices,
)
from tfsocial.apps.monitor.labels import ALL, COUNTED
from tfsocial.apps.monitor.opinions import OPINIONS, Opinions
from tfsocial.apps.monitor.records import DAY, WIDTH, Rules
from tfsocial.apps.monitor.trends import BINS, Counted, Trends, of_sources, of_topics

LIVE = 2 * DAY  # seconds: a log whose newest text is older is one that is played again
LEARNS = A_DAY  # bins of history before anything is said of a source
SCORED = 2 * A_DAY  # bins that are scored at each look
QUIET = 16.0  # texts that should have come from a source that is silent: by chance, 1 in 10^7
Open = Mapping[tuple[str, str], Incident]


@dataclass(frozen=True)
class Fitted:
    """How a topic's counts behave in quiet times.

    Attributes:
        at: when that was found out, seconds since 1970.
        threshold: that a score must exceed; infinite: too little is known.
    """

    at: float
    settings: Settings
    threshold: float


UNFITTED = Fitted(0.0, Settings(), math.inf)


@dataclass(frozen=True)
class Look:
    """What was seen of a topic.

    Attributes:
        counted: its counts.
        hours: int [bins]; of the day, of the bins of history.
        fit: how its counts behave in quiet times, and what a score must exceed.
        scanned: scores and expected counts of the newest bins.
        threshold: that a score must exceed now.
    """

    counted: Counted
    negative: np.ndarray
    total: np.ndarray
    hours: np.ndarray
    fit: Fitted
    scanned: Scanned
    threshold: float

    @property
    def learning(self) -> bool:
        """Whether there is too little history for alarms."""
        return len(self.hours) * WIDTH < self.fit.settings.least * DAY

    def expected(self, bins: int) -> np.ndarray:
        """Give the negative texts to be expected in each of the newest bins, float [bins]."""
        own = min(bins, len(self.hours))
        known = self.scanned.expected  # the newest ones are there already
        found = known[len(known) - own :] if own <= len(known) else scanned_of(self, own).expected
        return np.concatenate([np.zeros(bins - own), found])

    def band(self, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give what a count lies between in quiet times, of means of any width."""
        return band(np.maximum(expected, 1e-9), self.fit.settings)


def scanned_of(look: Look, bins: int) -> Scanned:
    """Score the newest bins of a topic."""
    number = look.counted.at(BINS - len(look.hours)) // WIDTH
    return newest(look.negative, look.total, look.hours, bins, look.fit.settings, number)


class Watching:
    """Sees to it that alarms are said, of one version's counts.

    Args:
        opinions: whose counts are looked at.
        fits: finds out how a topic behaves, see `fits.fitted`.
        leak: says how often texts are wrongly labelled negative.
    """

    def __init__(
        self,
        engine: Engine,
        opinions: Opinions,
        alarms: Alarms,
        rules: Rules,
        fits: Fits,
        leak: Callable[[], float],
    ):
        self._leak = leak
        self._fits = fits
        self._engine, self._opinions, self._alarms, self._rules = engine, opinions, alarms, rules
        self._trends = Trends(opinions.buckets, of_topics)
        self._sources = Trends(opinions.sources, of_sources)
        self._fitted: dict[str, Fitted] = {}
        self._phases = 0, np.zeros(0, np.int64)
        self._lock = threading.Lock()
        self._looks: Mapping[str, Look] = {}
        self.now = 0.0

    @property
    def looks(self) -> Mapping[str, Look]:
        """What was last seen: topic -> look."""
        return self._looks

    def look(self, corrected: float | None = None) -> None:
        """Look at all topics and sources once.

        Args:
            corrected: from when on buckets were corrected that had been closed; None: none.
        """
        with self._lock, self._engine.connect() as connection:
            self.now = self._time(connection)
            if not self.now:
                return
            self._trends.refresh(connection, self.now, corrected)
            self._sources.refresh(connection, self.now, corrected)
            looks = self._seen()
            self._looks = looks
            open_ones = self._alarms.open_ones()
            for topic, look in looks.items():
                self._decide(connection, "surge", topic, look, look.scanned, open_ones)
                self._campaign(connection, topic, look, open_ones)
            for source in self._sources.names:
                self._silence(source, open_ones)

    # --- seen ------------------------------------------------------------------------------

    def _time(self, connection: Connection) -> float:
        """Give the time that it is: the clock's, or, where old texts are played, theirs."""
        chosen = sa.select(WATERMARKS.c.latest).where(
            WATERMARKS.c.series == self._opinions.buckets.series
        )
        latest, clock = connection.execute(chosen).scalar() or 0, time.time()
        return clock if latest and clock - latest < LIVE else float(latest)

    def _seen(self) -> dict[str, Look]:
        counts = {topic: self._trends.of(topic) for topic in self._trends.names}
        first = min((one.since for one in counts.values()), default=BINS)
        if first == BINS:
            return {}
        hours = self._hours(next(iter(counts.values())).start)[first:]
        return {topic: self._of_topic(topic, one, first, hours) for topic, one in counts.items()}

    def _hours(self, start: int) -> np.ndarray:
        """Give the hours of the day of all bins, which are others only when the bins move on."""
        if self._phases[0] != start:
            self._phases = start, phases(start, BINS, self._rules.zone)
        return self._phases[1]

    def _of_topic(self, topic: str, counted: Counted, first: int, hours: np.ndarray) -> Look:
        negative = counted[f"{COUNTED} {self._rules.negative}"][first:].copy()
        total = counted[COUNTED][first:].copy()
        found = self._fitted.get(topic, UNFITTED)
        least = max(found.threshold, self._alarms.raised(topic))
        blank = Scanned(*[np.zeros(0)] * 5)
        look = Look(counted.copy(), negative, total, hours, found, blank, least)
        return replace(look, scanned=scanned_of(look, min(SCORED, len(hours))))

    def fit_next(self) -> bool:
        """Find out how a topic's counts behave, where that is not known or a day old.

        It takes seconds, so it has a thread of its own.

        Returns:
            Whether there was such a topic.
        """
        now, looks = self.now, self._looks
        for topic, look in looks.items():
            if not look.learning and now - self._fitted.get(topic, UNFITTED).at >= DAY:
                each = self._rules.false_alarms / len(looks)
                quiet = Quiet(look.negative, look.total, look.hours, each, self._leak())
                self._fitted[topic] = Fitted(now, *self._fits(quiet))
                return True
        return False

    # --- said ------------------------------------------------------------------------------

    def _campaign(self, connection: Connection, topic: str, look: Look, open_ones: Open) -> None:
        """Look at all texts, copies and those of busy authors too, where there are such."""
        negative = look.counted[f"{ALL} {self._rules.negative}"]
        first = BINS - len(look.hours)
        more = int((negative[first:] - look.negative)[-LONGEST:].sum())
        going_on = ("campaign", topic) in open_ones
        surges = ("surge", topic) in open_ones or look.scanned.score[-1] > look.threshold
        if going_on or (more >= LEAST_COPIES and not surges):
            every = replace(look, negative=negative[first:], total=look.counted[ALL][first:])
            scanned = scanned_of(every, min(SCORED, len(look.hours)))
            self._decide(connection, "campaign", topic, look, scanned, open_ones)

    def _decide(
        self,
        connection: Connection,
        kind: str,
        topic: str,
        look: Look,
        scanned: Scanned,
        open_ones: Open,
    ) -> None:
        """Open, grow or close an incident, as the scores say."""
        going_on = open_ones.get((kind, topic))
        if going_on is None:
            if scanned.score[-1] > look.threshold:
                self._open(connection, kind, topic, look, scanned)
        elif scanned.score[-AN_HOUR:].max() < going_on.threshold - CALM:
            self._alarms.close(going_on.id, self.now)
        else:
            self._grow(connection, going_on, look)

    def _open(
        self, connection: Connection, kind: str, topic: str, look: Look, scanned: Scanned
    ) -> None:
        window = min(int(scanned.window[-1]), len(scanned.score))
        since = look.counted.at(BINS - window)
        expected = float(scanned.expected[-window:].sum())
        figures = self._figures(connection, topic, since)
        if kind == "campaign":
            figures["seen"] = figures["texts"]
        self._alarms.open(
            Incident(
                incidents.name_of(kind, topic, since),
                kind,
                topic,
                since,
                self.now,
                expected,
                figures["seen"],
                incidents.severity(expected, figures["seen"], voices(figures)),
                float(scanned.score[-1]),
                look.threshold,
                figures=figures,
            )
        )

    def _grow(self, connection: Connection, going_on: Incident, look: Look) -> None:
        window = max(1, min(len(look.scanned.score), int(self.now - going_on.since) // WIDTH + 1))
        expected = float(look.scanned.expected[-window:].sum())
        figures = self._figures(connection, going_on.topic, going_on.since)
        now = incidents.severity(expected, figures["seen"], voices(figures))
        if incidents.worse(now, going_on.severity):
            self._alarms.grow(going_on.id, self.now, now, expected, **figures)

    def _figures(self, connection: Connection, topic: str, since: float) -> dict[str, int]:
        """Count negative texts of a topic since then: those that count, all, sources, authors."""
        table = OPINIONS.c
        counted = sa.func.sum(sa.cast(table.counted, sa.Integer))
        chosen = sa.select(
            sa.func.coalesce(counted, 0),
            sa.func.count(),
            sa.func.count(sa.distinct(table.copy_of)),
            sa.func.count(sa.distinct(sa.func.nullif(table.source, ""))),
            sa.func.count(sa.distinct(sa.func.nullif(table.author, ""))),
        ).where(
            table.version == self._opinions.version,
            table.topic == topic,
            table.happened >= int(since),
            table.sentiment == self._rules.negative,
        )
        row = connection.execute(chosen).one()
        names = ("seen", "texts", "distinct", "sources", "authors")
        return {name: int(value) for name, value in zip(names, row, strict=True)}

    def _silence(self, source: str, open_ones: Open) -> None:
        counted = self._sources.of(source)
        counts, going_on = counted["all"], open_ones.get(("silence", source))
        first, last = counted.since, int(np.flatnonzero(counts)[-1]) if counts.any() else 0
        since = counted.at(last + 1)
        if going_on is not None and since > going_on.since:
            self._alarms.close(going_on.id, self.now)
        if going_on is not None or BINS - first < LEARNS or last == BINS - 1:
            return
        hours = self._hours(counted.start)[first:]
        past = last - first + 1
        mean = expected(counts[first:][:past], hours[:past], hours[past:], Settings())
        missing = float(mean.sum())
        if missing > QUIET and self.now - since > WIDTH:
            id = incidents.name_of("silence", source, since)
            said = Incident(id, "silence", source, since, self.now, missing, 0, "major", 0.0, QUIET)
            self._alarms.open(said)
