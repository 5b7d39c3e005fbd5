"""The opinion monitor as plain functions; pages and endpoints use nothing else."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.buckets import BUCKETS, WATERMARKS
from tfsocial.apps.consumers import CONSUMERS
from tfsocial.apps.database import writing
from tfsocial.apps.events import EVENTS, Event, EventLog
from tfsocial.apps.monitor import health, texts
from tfsocial.apps.monitor.alarms import Alarms
from tfsocial.apps.monitor.correcting import Correction, correction_of
from tfsocial.apps.monitor.fits import Fits, fitted
from tfsocial.apps.monitor.health import Ask, Signal
from tfsocial.apps.monitor.incidents import Incident
from tfsocial.apps.monitor.labels import ALL
from tfsocial.apps.monitor.opinions import (
    BANDS,
    OPINIONS,
    SERIES,
    STREAM,
    Opinions,
    OtherVersion,
    author_of,
)
from tfsocial.apps.monitor.records import LEAK, Read, Rules
from tfsocial.apps.monitor.texts import Shown
from tfsocial.apps.monitor.topics import Topics
from tfsocial.apps.monitor.watching import Look, Watching

VERSIONS = "monitor versions"
EVERY = 0.3  # seconds between two looks at the log
AT_LEAST = 30.0  # seconds between two looks at the counts where nothing comes
BEHIND = 1.0  # seconds between two looks at the counts while texts come
SHARE = 0.1  # of the time, that looks may take meanwhile
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class State:
    """How far it is.

    Attributes:
        version: whose counts are shown; empty: none yet.
        recounted: version that labels all texts anew; empty: none.
        waiting: texts that it, or else the one shown, has not labelled.
    """

    version: str
    recounted: str
    waiting: int


class Monitor:
    """Labels texts, counts them, and says when something is not as it should be.

    Attributes:
        looked: is called after each look at the counts.

    Args:
        read: asks the model.
        ask: asks it for vectors and probabilities, see `health.to_label`.
        known: texts whose sentiment is known, by which counts are corrected; empty: they are not.
        fits: finds out how a topic behaves in quiet times, see `fits.fitted`.
    """

    def __init__(
        self,
        engine: Engine,
        read: Callable[[Sequence[str]], Read],
        topics: Topics,
        rules: Rules | None = None,
        ask: Ask | None = None,
        known: Sequence[tuple[str, str]] = (),
        fits: Fits = fitted,
    ):
        self._fits = fits
        self._engine, self._read = engine, read
        self._topics, self.rules = topics, rules or Rules()
        self._ask, self._known = ask, known
        self._corrections: tuple[str, Correction] | None = None
        self.log, self.alarms = EventLog(engine), Alarms(EventLog(engine))
        self._writing: Opinions | None = None
        self._shown: Opinions | None = None
        self.watching: Watching | None = None
        self.looked: Callable[[], object] = _nobody
        self._looked, self._new, self._took = 0.0, False, 0.0
        self._lock = threading.Lock()

    # --- the program's side ----------------------------------------------------------------

    def step(self) -> int:
        """Take the next texts, and look at the counts; gives how many texts were taken.

        Raises:
            Problem: the model cannot be asked now.
        """
        with self._lock:
            taken = self._label()
            now = time.time()
            wait = max(BEHIND, self._took / SHARE) if taken else AT_LEAST
            if now - self._looked >= wait or (self._new and not taken):
                self._look()
            else:
                self._new = self._new or taken > 0
            return taken

    def catch_up(self) -> int:
        """Take all texts that there are; gives how many."""
        total = 0
        while count := self.step():
            total += count
        self._look()
        return total

    def _label(self) -> int:
        if self._writing is None:
            self._begin()
        assert self._writing is not None
        try:
            taken = self._writing.step()
        except OtherVersion as other:
            self._writing = self._opinions(str(other))
            return 0
        if not taken and self._shown is not self._writing:
            self._take_over()
        return taken

    def _begin(self) -> None:
        """Go on with the version that was shown, and find out which one answers now."""
        known = self.log.latest(VERSIONS, 1)
        if known:
            self._shown = self._opinions(known[0].content["version"])
            self.watching = self._watching(self._shown)
        self._writing = self._opinions(self._read(["?"]).version)
        if self._shown is not None and self._shown.version == self._writing.version:
            self._writing = self._shown

    def _take_over(self) -> None:
        """Show the version that has caught up, and let go of what others counted."""
        new = self._writing
        assert new is not None
        now = time.time()
        self.log.add([Event(VERSIONS, f"{new.version} {now}", now, {"version": new.version})])
        self._shown, self.watching = new, self._watching(new)
        self._forget_others(new.version)
        self._looked = 0.0

    def _forget_others(self, version: str) -> None:
        with writing(self._engine) as connection:
            for table in (OPINIONS, BANDS):
                connection.execute(sa.delete(table).where(table.c.version != version))
            for names in (CONSUMERS.c.name, BUCKETS.c.series, WATERMARKS.c.series):
                others = names.like(f"{SERIES}%") & names.not_like(f"{SERIES}% {version}")
                connection.execute(sa.delete(names.table).where(others))

    def _opinions(self, version: str) -> Opinions:
        return Opinions(self._engine, version, self._read, self._topics, self.rules)

    def _watching(self, opinions: Opinions) -> Watching:
        return Watching(self._engine, opinions, self.alarms, self.rules, self._fits, self._leak)

    def fit_next(self) -> bool:
        """Find out how a topic behaves in quiet times; see `Watching.fit_next`."""
        return self.watching is not None and self.watching.fit_next()

    def _leak(self) -> float:
        known = self.correction()
        return known.leak if known is not None else LEAK

    def _look(self) -> None:
        if self.watching is not None:
            assert self._shown is not None
            begun = time.monotonic()
            self.watching.look(self._shown.corrected())
            self._took = time.monotonic() - begun
            self.looked()
            self._looked, self._new = time.time(), False

    # --- what comes in ---------------------------------------------------------------------

    def add(self, events: Iterable[Event]) -> int:
        """Keep texts; gives how many were new."""
        return self.log.add(events)

    # --- what is seen ----------------------------------------------------------------------

    def state(self) -> State:
        """Tell how far it is."""
        shown, written = self._shown, self._writing
        series = written.buckets.series if written else ""
        after = sa.select(CONSUMERS.c.after).where(CONSUMERS.c.name == series)
        with self._engine.connect() as connection:
            number = connection.execute(after).scalar() or 0
            left = sa.select(sa.func.count()).where(
                EVENTS.c.stream == STREAM, EVENTS.c.number > number
            )
            waiting = connection.execute(left).scalar_one()
        again = written.version if written and written is not shown else ""
        return State(shown.version if shown else "", again, waiting)

    @property
    def now(self) -> float:
        """The time that it is for the counts, seconds since 1970."""
        return self.watching.now if self.watching and self.watching.now else time.time()

    def looks(self) -> Mapping[str, Look]:
        """Give what was last seen of each topic."""
        return self.watching.looks if self.watching else {}

    def marks(self) -> list[tuple[float, str]]:
        """List when which version of the model took over, the latest first."""
        return [(one.happened, one.content["version"]) for one in self.log.latest(VERSIONS, 20)]

    def texts(
        self, topic: str, since: float, until: float, sentiment: str = "", most: int = texts.MOST
    ) -> list[Shown]:
        """List stored texts of a topic; see `texts.between`."""
        if self._shown is None:
            return []
        with self._engine.connect() as connection:
            return texts.between(
                connection, self._shown.version, topic, since, until, sentiment, most
            )

    def sentiments(self, topic: str) -> list[str]:
        """List the sentiments that texts of a topic have."""
        look = self.looks().get(topic)
        begin = f"{ALL} "
        found = look.counted.values if look else {}
        return sorted(kind[len(begin) :] for kind in found if kind.startswith(begin))

    def signals(self) -> list[Signal]:
        """Compare the last day's texts with those before; see `health.signals`."""
        if self._shown is None:
            return []
        with self._engine.connect() as connection:
            return health.signals(connection, self._shown.version, self.now)

    def to_label(self, count: int) -> list[str]:
        """Choose stored texts that are worth a label; see `health.to_label`."""
        if self._shown is None or self._ask is None:
            return []
        with self._engine.connect() as connection:
            texts = health.pool(connection, self._shown.version)
        return health.to_label(texts, self._ask, count)

    def correction(self) -> Correction | None:
        """Tell how often the version shown errs; None: nothing is known to measure it by."""
        if self._shown is None or not self._known:
            return None
        version = self._shown.version
        if self._corrections is None or self._corrections[0] != version:
            read = self._read([text for text, _ in self._known])
            if read.version != version:
                return None
            said = [one.sentiment for one in read.labelled]
            right = [label for _, label in self._known]
            self._corrections = version, correction_of(right, said, self.rules.negative)
        return self._corrections[1]

    # --- what people do --------------------------------------------------------------------

    def acknowledge(self, id: str, by: str) -> Incident:
        """Say that somebody has seen an incident.

        Raises:
            InputError: there is none, or it is over.
        """
        self.alarms.acknowledge(id, time.time(), by)
        return self.alarms.get(id)

    def call_false(self, id: str, by: str) -> Incident:
        """Say that an incident was a false alarm; the same would not alarm again.

        Raises:
            InputError: there is none.
        """
        self.alarms.call_false(id, time.time(), by)
        return self.alarms.get(id)

    def snooze(self, topic: str, seconds: float, by: str) -> None:
        """Tell nobody of a topic for some time.

        Raises:
            InputError: the time is not above zero, or above 30 days.
        """
        self.alarms.snooze(topic, time.time(), seconds, by)

    # --- persons ---------------------------------------------------------------------------

    def of_person(self, person: str) -> list[Event]:
        """Give all that is kept of a person."""
        return self.log.of_person(person)

    def forget(self, person: str) -> int:
        """Erase a person's texts, and that they were theirs; counts stay what they were."""
        author = author_of(Event(STREAM, "", 0.0, person=person))

        def derived(connection: Connection) -> Sequence[Event]:
            theirs = OPINIONS.c.author == author
            connection.execute(sa.update(OPINIONS).where(theirs).values(author=""))
            return ()

        return self.log.forget(person, derived)


def _nobody() -> None:
    pass
