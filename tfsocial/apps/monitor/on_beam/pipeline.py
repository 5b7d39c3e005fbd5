"""Opinions, their counts and incidents, of messages: in files that end, or as they come.

    messages -> read -> once by key -> label -> by band: copies -> by key: join -> by author
             -> opinions -> windows of ten minutes -> counts -> by topic: scores -> incidents

Of a stream there are opinions and counts. Incidents are said of counts that are all there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import AsList, AsSingleton
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from tfsocial.apps.monitor.incidents import Incident
from tfsocial.apps.monitor.labels import split_label
from tfsocial.apps.monitor.on_beam import folding, scoring
from tfsocial.apps.monitor.on_beam.folding import Joined, Near, Once, Opinion, Voices
from tfsocial.apps.monitor.on_beam.in_turn import InTurn
from tfsocial.apps.monitor.on_beam.labelling import AT_ONCE, FAILED, Label, Labeller
from tfsocial.apps.monitor.on_beam.messages import Message, Post, Unanswered, read
from tfsocial.apps.monitor.on_beam.scoring import Looking, Span
from tfsocial.apps.monitor.records import DAY, WIDTH, Rules
from tfsocial.apps.monitor.topics import Topics

LATE = 7.0 * DAY
UNREADABLE = "unreadable"  # output of dead letters


@dataclass(frozen=True)
class Asked:
    """How texts are labelled and counted.

    Attributes:
        labeller: what the model says of texts.
        late: seconds that a text of a stream may come after its bucket has closed and still
            correct it; what comes later is dropped.
        now: seconds since 1970, when all came; None: the clock's when each is read.
    """

    labeller: Labeller
    topics: Topics
    rules: Rules = field(default_factory=Rules)
    at_once: int = AT_ONCE
    late: float = LATE
    now: float | None = None


@dataclass(frozen=True)
class Bucket:
    """Opinions of a label that happened in ten minutes.

    Attributes:
        start: seconds since 1970.
        label: see `labels.label`.
        pane: number of this count of the bucket, from 0 on: the highest one counts, of a batch
            there is one.
    """

    start: int
    label: str
    count: int
    pane: int


class Opinions(beam.PTransform):
    """Makes opinions of messages: `Message`s in a batch, or bytes as they come.

    Gives `opinions` and `unanswered`, the dead letters.
    """

    def __init__(self, asked: Asked):
        super().__init__()
        self._asked = asked

    def expand(self, pcoll: beam.PCollection) -> dict[str, beam.PCollection]:
        """Read, label and fold."""
        asked = self._asked
        late = math.inf if pcoll.is_bounded else asked.late
        found = pcoll | "read" >> beam.FlatMap(_read, asked.now).with_outputs(
            UNREADABLE, main="posts"
        )
        once = (
            found.posts
            | "by key" >> beam.Map(_keyed).with_output_types(tuple[str, Any])
            | "once" >> InTurn(Once(late))
        )
        label = beam.ParDo(Label(asked.labeller, asked.topics, asked.at_once))
        said = once | "label" >> label.with_outputs(FAILED, main="said")
        folded = said.said | "fold" >> Folded(asked.rules, late)
        unanswered = (found[UNREADABLE], said[FAILED]) | "dead letters" >> beam.Flatten()
        return {"opinions": folded, "unanswered": unanswered}


class Folded(beam.PTransform):
    """Tells copies apart from first texts, and whoever says the same over and over."""

    def __init__(self, rules: Rules, late: float):
        super().__init__()
        self._rules, self._late = rules, late

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """Compare texts that share a band, then count what authors said."""
        loud = self._rules.negative

        def heard(one: Opinion, _: int) -> int:
            return int(one.counted and bool(one.author) and one.sentiment == loud)

        opinions = (
            pcoll
            | "by band" >> beam.FlatMap(folding.parts).with_output_types(tuple[int, Any])
            | "near" >> InTurn(Near(self._late))
            | "by text" >> beam.Map(_of_text).with_output_types(tuple[str, Any])
            | "join" >> InTurn(Joined(self._late))
        )
        others, voices = opinions | "voices" >> beam.Partition(heard, 2)
        counted = (
            voices
            | "by voice" >> beam.Map(_of_voice).with_output_types(tuple[str, Any])
            | "in a day" >> InTurn(Voices(self._rules.author_most, self._late))
        )
        return (others, counted) | "all" >> beam.Flatten()


class Counts(beam.PTransform):
    """Counts opinions by their labels in buckets of ten minutes.

    A bucket is said when the watermark has passed it, and once more, all of it, with each late
    opinion: whoever keeps counts puts the new one in the place of the former.

    Args:
        late: see `Asked`.
    """

    def __init__(self, late: float = LATE):
        super().__init__()
        self._late = late

    def expand(self, pcoll: beam.PCollection) -> beam.PCollection:
        """Count."""
        return (
            pcoll
            | "at their time" >> beam.FlatMap(_timed).with_output_types(tuple[int, str])
            | "buckets"
            >> beam.WindowInto(
                FixedWindows(WIDTH),
                trigger=AfterWatermark(late=AfterCount(1)),
                accumulation_mode=AccumulationMode.ACCUMULATING,
                allowed_lateness=self._late,
            )
            | "count" >> beam.combiners.Count.PerElement()
            | "tell" >> beam.ParDo(_Told())
        )


class Incidents(beam.PTransform):
    """Scores the histories of all topics: of counts and opinions, each in one place.

    Takes (opinions, counts) of a batch.
    """

    def __init__(self, looking: Looking):
        super().__init__()
        self._looking = looking

    def expand(self, pcolls: tuple[beam.PCollection, beam.PCollection]) -> beam.PCollection:
        """Score, then look up who spoke."""
        opinions, buckets = pcolls
        counts = buckets | "all of them" >> beam.WindowInto(GlobalWindows())
        span = counts | "ends" >> beam.Map(_span) | "span" >> beam.CombineGlobally(scoring.spanned)
        found = (
            counts
            | "by topic" >> beam.Map(_of_topic).with_output_types(tuple[str, Any])
            | "histories" >> beam.GroupByKey()
            | "score" >> beam.FlatMap(_scored, AsSingleton(span), self._looking)
        )
        heard = opinions | "of incidents" >> beam.FlatMap(
            _heard, AsList(found), self._looking.rules.negative
        )
        return (
            {
                "incidents": found | "by id" >> beam.Map(lambda one: (one.id, one)),
                "heard": heard,
            }
            | "who spoke" >> beam.CoGroupByKey()
            | "figures" >> beam.FlatMap(_figured)
        )


class _Told(beam.DoFn):
    def process(
        self, counted: tuple[tuple[int, str], int], pane: Any = beam.DoFn.PaneInfoParam
    ) -> Iterator[Bucket]:
        (start, label), count = counted
        yield Bucket(start, label, count, max(0, pane.index))


def _read(message: Message | bytes, now: float | None) -> Iterator[Any]:
    came = Message(message) if isinstance(message, bytes) else message
    found = read(came, time.time() if now is None else now)
    if isinstance(found, Unanswered):
        yield beam.pvalue.TaggedOutput(UNREADABLE, found)
    else:
        yield _at(found.happened, found)


def _keyed(post: Post) -> tuple[str, Post]:
    return post.key, post


def _of_text(part: folding.Part) -> tuple[str, folding.Part]:
    return part.said.key, part


def _of_voice(one: Opinion) -> tuple[str, Opinion]:
    return "|".join(map(str, folding.voice(one))), one


def _span(bucket: Bucket) -> Span:
    return Span(bucket.start, bucket.start, frozenset([split_label(bucket.label)[2]]))


def _of_topic(bucket: Bucket) -> tuple[str, tuple[int, str, int]]:
    return split_label(bucket.label)[2], (bucket.start, bucket.label, bucket.count)


def _scored(
    found: tuple[str, Iterable[tuple[int, str, int]]], span: Span, looking: Looking
) -> list[Incident]:
    topic, buckets = found
    known = scoring.history(buckets, span, looking.rules)
    return scoring.incidents(topic, known, len(span.topics), looking)


def _heard(one: Opinion, known: Sequence[Incident], negative: str) -> Iterator[tuple[str, Opinion]]:
    return ((id, one) for id in scoring.of_incidents(one, known, negative))


def _figured(found: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Incident]:
    _, both = found
    return (scoring.figured(one, both["heard"]) for one in both["incidents"])


def _timed(one: Opinion) -> list[TimestampedValue]:
    """Name what an opinion is counted as, with the start of its bucket."""
    # A label has thousands of buckets, and Beam's own runner goes through all windows of a key for
    # each of them: so a key has one.
    start = int(one.happened // WIDTH) * WIDTH
    return [_at(one.happened, (start, label)) for label in one.labels()]


def _at(happened: float, value: Any) -> TimestampedValue:
    return TimestampedValue(value, Timestamp(micros=round(1e6 * happened)))
