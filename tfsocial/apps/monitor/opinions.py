"""Opinions: what follows from the log of texts, each text once, however often it is killed.

A text is labelled by a version of the model. Another version labels all of them anew, under its
own name, and only then takes over: counts of two versions are never mixed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tfsocial.apps.buckets import Buckets
from tfsocial.apps.consumers import AT_ONCE, Consumer
from tfsocial.apps.events import EVENTS, TABLES, Event, still_said
from tfsocial.apps.monitor import contents, copies
from tfsocial.apps.monitor.copies import LAST as COPIES_LAST
from tfsocial.apps.monitor.labels import labels_of
from tfsocial.apps.monitor.records import DAY, WIDTH, Labelled, Opinion, Read, Rules
from tfsocial.apps.monitor.topics import Topics

STREAM = "opinions"
SELECTED = 500  # events of a statement
SERIES = "monitor "  # what the names of all that is counted begin with
OPINIONS = sa.Table(
    "monitor_opinions",
    TABLES,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("number", sa.BigInteger(), primary_key=True),
    sa.Column("topic", sa.String(150), primary_key=True),
    sa.Column("happened", sa.BigInteger()),
    sa.Column("sentiment", sa.String(200)),
    sa.Column("probability", sa.Float()),
    sa.Column("copy_of", sa.BigInteger()),
    sa.Column("counted", sa.Boolean()),
    sa.Column("author", sa.String(16)),
    sa.Column("source", sa.String(200)),
)
BANDS = sa.Table(
    "monitor_bands",
    TABLES,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("band", sa.BigInteger(), primary_key=True),
    sa.Column("number", sa.BigInteger(), primary_key=True),
    sa.Column("happened", sa.BigInteger()),
)


class OtherVersion(Exception):
    """Another version of the model answers now."""


@dataclass(frozen=True)
class Text:
    """A text as it is computed on, before it is written.

    Attributes:
        labelled: None: there is no text any more, it was erased.
        threes, bands: see `copies`.
    """

    event: Event
    labelled: Labelled | None
    topics: Sequence[str]
    threes: frozenset[str]
    bands: np.ndarray


class Opinions:
    """Labels the texts of the log by one version of the model, and counts them.

    Args:
        version: of the model.
        read: asks the model.
        most: texts of a transaction.
    """

    def __init__(
        self,
        engine: Engine,
        version: str,
        read: Callable[[Sequence[str]], Read],
        topics: Topics,
        rules: Rules,
        most: int = AT_ONCE,
    ):
        self._engine, self.version, self._read = engine, version, read
        self._topics, self._rules = topics, rules
        self._late: list[int] = []
        self.buckets = Buckets(f"{SERIES}opinions {version}", WIDTH, rules.lateness)
        self.sources = Buckets(f"{SERIES}sources {version}", WIDTH, rules.lateness)
        name, takes = self.buckets.series, (self._compute, self._write)
        self._consumer = Consumer(engine, STREAM, name, *takes, most=most, ahead=True)

    def step(self) -> int:
        """Take the next texts; gives how many.

        Raises:
            OtherVersion: the model is another one now; nothing was taken.
            Problem: it cannot be asked now.
        """
        return self._consumer.step()

    def corrected(self) -> float | None:
        """Give from when on buckets were corrected that had been closed, since last asked."""
        found, self._late = self._late, []
        return min(found, default=None)

    def _compute(self, events: Sequence[Event]) -> list[Text]:
        texts = [text_of(event) for event in events]
        there = [text for text in texts if text]
        read = self._read(there) if there else Read(self.version, [])
        if read.version != self.version:
            raise OtherVersion(read.version)
        labelled = iter(read.labelled)
        found = []
        for event, text in zip(events, texts, strict=True):
            said = next(labelled) if text else None
            topics = self._topics(event.content, said.topics) if said else ()
            threes = copies.grams(text)
            found.append(Text(event, said, topics, threes, copies.bands_of(threes)))
        return found

    def _write(self, connection: Connection, events: Sequence[Event], texts: list[Text]) -> None:
        numbers = [text.event.number for text in texts if text.topics]
        there = still_said(connection, numbers)  # somebody may have been erased meanwhile
        stands = [text for text in texts if text.event.number in there]
        found = Folding(connection, self.version, self._rules).opinions(stands)
        gone = [text.event.number for text in texts if text.event.number not in there]
        found += self._erased(connection, gone)
        if found:
            rows = [{"version": self.version, **row_of(one)} for one in found]
            connection.execute(sa.insert(OPINIONS), rows)
        self._count(connection, events, found)

    def _count(
        self, connection: Connection, events: Sequence[Event], found: Sequence[Opinion]
    ) -> None:
        by_number = {event.number: at_its_time(event) for event in events}
        pairs = [
            (by_number[one.number], label)
            for one in found
            for label in labels_of(one.counted, one.sentiment, one.topic)
        ]
        self._late += self.buckets.add(connection, pairs)
        heard = [(event, source_of(event)) for event in by_number.values()]
        self.sources.add(connection, [(event, source) for event, source in heard if source])

    def _erased(self, connection: Connection, numbers: Sequence[int]) -> list[Opinion]:
        """Take over what an earlier version said of texts that are no more."""
        chosen = sa.select(OPINIONS).where(
            OPINIONS.c.number.in_(numbers), OPINIONS.c.version != self.version
        )
        rows = connection.execute(chosen.order_by(OPINIONS.c.version)).all() if numbers else []
        found = {(row.number, row.topic): opinion_of(row) for row in rows}
        return list(found.values())


class Folding:
    """Finds copies, and authors who say the same again, among texts and those before them."""

    def __init__(self, connection: Connection, version: str, rules: Rules):
        self._connection, self._version, self._rules = connection, version, rules
        self._threes: dict[int, frozenset[str]] = {}  # number of a text -> what stands in it

    def opinions(self, texts: Sequence[Text]) -> list[Opinion]:
        """Make the opinions of texts, in the order of the log."""
        near = self._near(texts)
        self._read_threes(texts, near)
        voices = self._voices(texts)
        found: list[Opinion] = []
        originals = []
        for text in texts:
            if text.labelled is None or not text.topics:
                continue
            original = self._original(text, near)
            if original == text.event.number:
                originals += self._bands_of(text, near)
            found += self._of_text(text, text.labelled, original, voices)
        if originals:
            self._connection.execute(sa.insert(BANDS), originals)
        return found

    def _of_text(
        self, text: Text, said: Labelled, original: int, voices: Counter[tuple[str, str, int]]
    ) -> list[Opinion]:
        event, found = at_its_time(text.event), []
        author, source = author_of(event), source_of(event)
        for topic in text.topics:
            counted = original == event.number
            if author and counted and said.sentiment == self._rules.negative:
                voice = author, topic, int(event.happened // DAY)
                counted = voices[voice] < self._rules.author_most
                voices[voice] += 1
            found.append(
                Opinion(
                    event.number,
                    topic,
                    event.happened,
                    said.sentiment,
                    said.probability,
                    original,
                    counted,
                    author,
                    source,
                )
            )
        return found

    def _near(self, texts: Sequence[Text]) -> dict[int, list[tuple[int, float]]]:
        """Give band -> (number, time) of the texts before these that have it."""
        bands = {int(band) for text in texts for band in text.bands}
        chosen = sa.select(BANDS.c.band, BANDS.c.number, BANDS.c.happened).where(
            BANDS.c.version == self._version, BANDS.c.band.in_(bands)
        )
        found: dict[int, list[tuple[int, float]]] = {}
        for band, number, happened in self._connection.execute(chosen.order_by(BANDS.c.number)):
            found.setdefault(band, []).append((number, happened))
        return found

    def _voices(self, texts: Sequence[Text]) -> Counter[tuple[str, str, int]]:
        """Count what authors have said on topics in a day, of that which is negative."""
        authors = {author for text in texts if (author := author_of(text.event))}
        if not authors:
            return Counter()
        days = {int(at_its_time(text.event).happened // DAY) for text in texts}
        table = OPINIONS.c
        chosen = sa.select(table.author, table.topic, table.happened).where(
            table.version == self._version,
            table.author.in_(authors),
            table.sentiment == self._rules.negative,
            table.copy_of == table.number,
            table.happened >= min(days) * DAY,
            table.happened < (max(days) + 1) * DAY,
        )
        rows = self._connection.execute(chosen)
        return Counter((author, topic, int(when // DAY)) for author, topic, when in rows)

    def _original(self, text: Text, near: Mapping[int, list[tuple[int, float]]]) -> int:
        """Give the number of the earliest text that this one is a copy of, or its own."""
        when = at_its_time(text.event).happened
        candidates = {
            number
            for band in text.bands
            for number, happened in near.get(int(band), ())
            if abs(when - happened) <= COPIES_LAST
        }
        for number in sorted(candidates):
            if copies.similarity(text.threes, self._threes[number]) >= copies.NEAR:
                return number
        return text.event.number

    def _read_threes(
        self, texts: Sequence[Text], near: Mapping[int, list[tuple[int, float]]]
    ) -> None:
        """Read what stands in the texts of the log that some of these may be copies of."""
        times = [at_its_time(text.event).happened for text in texts]
        numbers = {
            number
            for those in near.values()
            for number, happened in those
            if min(times) - COPIES_LAST <= happened <= max(times) + COPIES_LAST
        }
        ordered = sorted(numbers)
        for start in range(0, len(ordered), SELECTED):
            some = ordered[start : start + SELECTED]
            chosen = sa.select(EVENTS.c.number, EVENTS.c.content).where(EVENTS.c.number.in_(some))
            for number, content in self._connection.execute(chosen):
                self._threes[number] = copies.grams(text_in(content))

    def _bands_of(
        self, text: Text, near: dict[int, list[tuple[int, float]]]
    ) -> list[dict[str, object]]:
        event = at_its_time(text.event)
        self._threes[event.number] = text.threes
        bands = {int(band) for band in text.bands}
        for band in bands:
            near.setdefault(band, []).append((event.number, event.happened))
        same = {"version": self._version, "number": event.number, "happened": int(event.happened)}
        return [{**same, "band": band} for band in bands]


def at_its_time(event: Event) -> Event:
    """Have what claims to come from the future happen as it came."""
    if event.happened <= event.arrived or not event.arrived:
        return event
    return Event(**{**asdict(event), "happened": event.arrived})


def text_of(event: Event) -> str:
    """Give an event's text; empty where it has none."""
    return contents.text_of(event.content)


def author_of(event: Event) -> str:
    """Give a hash of who wrote a text; empty: it does not say."""
    return contents.author_of(event.person, event.content)


def source_of(event: Event) -> str:
    """Give where a text was read; empty: it does not say."""
    return contents.source_of(event.content)


def row_of(one: Opinion) -> dict[str, object]:
    """Give an opinion as a row of the table."""
    return {**asdict(one), "happened": int(one.happened)}


def opinion_of(row: sa.Row) -> Opinion:
    """Read an opinion from a row of the table."""
    values = dict(row._mapping)
    del values["version"]
    return Opinion(**values)


def text_in(content: str) -> str:
    """Give the text of an event's content as it is stored."""
    return contents.text_of(json.loads(content))
