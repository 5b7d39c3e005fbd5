"""A topic's whole history scored, and the incidents in it; knows no Beam.

On one machine a look is taken at each moment, by what is known then. Here each bucket is looked
at once, when it is full, with all that came late in it. How a topic behaves is found out from what
lies before, once a day, so that no surge makes itself usual.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from tfsocial.apps.monitor.detection.fitting import fit
from tfsocial.apps.monitor.detection.scan import LOWEST, newest
from tfsocial.apps.monitor.detection.settings import Settings
from tfsocial.apps.monitor.detection.thresholds import threshold
from tfsocial.apps.monitor.hours import phases
from tfsocial.apps.monitor.incidents import (
    A_DAY,
    AN_HOUR,
    CALM,
    LEAST_COPIES,
    LONGEST,
    Incident,
    name_of,
    severity,
    voices,
)
from tfsocial.apps.monitor.labels import ALL, COUNTED, split_label
from tfsocial.apps.monitor.on_beam.folding import Opinion
from tfsocial.apps.monitor.records import LEAK, WIDTH, Rules

KNOWN = 35 * A_DAY  # bins that a fit looks back on, as on one machine


@dataclass(frozen=True)
class Looking:
    """How histories are scored.

    Attributes:
        threshold: that a score must exceed; None: what the topic's own past makes of the false
            alarms that are put up with.
        every: days between two fits.
    """

    rules: Rules = field(default_factory=Rules)
    threshold: float | None = None
    every: int = 1


class Span(NamedTuple):
    """All buckets that there are.

    Attributes:
        first, last: the earliest start and the latest one, seconds since 1970.
        topics: that have any.
    """

    first: int = sys.maxsize
    last: int = 0
    topics: frozenset[str] = frozenset()


def spanned(spans: Iterable[Span]) -> Span:
    """Join spans."""
    found = Span()
    for one in spans:
        ends = min(found.first, one.first), max(found.last, one.last)
        found = Span(*ends, found.topics | one.topics)
    return found


class Series(NamedTuple):
    """Texts of a topic, each int [bins]."""

    negative: np.ndarray
    total: np.ndarray


class History(NamedTuple):
    """All that is counted of a topic.

    Attributes:
        first: start of the first bin, seconds since 1970.
        hours: int [bins]; of the day.
        every: all texts; counted: those that count for alarms.
    """

    first: int
    hours: np.ndarray
    every: Series
    counted: Series


def history(buckets: Iterable[tuple[int, str, int]], span: Span, rules: Rules) -> History:
    """Lay out the counts of a topic.

    Args:
        buckets: start, label and count of each.
    """
    bins = (span.last - span.first) // WIDTH + 1
    series = {kind: Series(*np.zeros((2, bins), np.int64)) for kind in (ALL, COUNTED)}
    for start, label, count in buckets:
        kind, sentiment, _ = split_label(label)
        place = (start - span.first) // WIDTH
        series[kind].total[place] += count
        if sentiment == rules.negative:
            series[kind].negative[place] += count
    hours = phases(span.first, bins, rules.zone)
    return History(span.first, hours, series[ALL], series[COUNTED])


class Scores(NamedTuple):
    """What was found of bins, float [bins]: see `scan.Scanned`, and what a score must exceed."""

    score: np.ndarray
    window: np.ndarray
    expected: np.ndarray
    limit: np.ndarray


def scored(found: History, topics: int, looking: Looking) -> tuple[Scores, Scores]:
    """Score all bins of a topic: by the texts that count, and by all texts.

    Args:
        topics: among which the false alarms are divided.
    """
    bins = len(found.hours)
    blank = np.full(bins, LOWEST), np.ones(bins), np.zeros(bins), np.full(bins, math.inf)
    both = Scores(*blank), Scores(*(one.copy() for one in blank))
    step = looking.every * A_DAY
    apart = (found.every.negative - found.counted.negative).sum() >= LEAST_COPIES
    for begin in range(Settings().least * A_DAY, bins, step):
        settings, limit = _fitted(found, begin, topics, looking)
        own = slice(begin, min(begin + step, bins))
        _score(found, found.counted, both[0], own, settings, limit)
        if apart:
            _score(found, found.every, both[1], own, settings, limit)
    return both


def _fitted(found: History, end: int, topics: int, looking: Looking) -> tuple[Settings, float]:
    """Find out how a topic behaves in quiet times, by what was known before a bin."""
    if looking.threshold is not None:
        return Settings(), looking.threshold
    begin = max(0, end - KNOWN)
    past = slice(begin, end)
    negative, total = (one[past] for one in found.counted)
    settings = fit(negative, total, found.hours[past], Settings(leak=LEAK))
    each, number = looking.rules.false_alarms / topics, found.first // WIDTH + begin
    return settings, threshold(negative, total, found.hours[past], each, settings, number)


def _score(
    found: History, series: Series, scores: Scores, own: slice, settings: Settings, limit: float
) -> None:
    negative, total, hours = (one[: own.stop] for one in (*series, found.hours))
    bins, number = own.stop - own.start, found.first // WIDTH
    scanned = newest(negative, total, hours, bins, settings, number)
    scores.score[own], scores.limit[own] = scanned.score, limit
    scores.window[own], scores.expected[own] = scanned.window, scanned.expected


def incidents(topic: str, found: History, topics: int, looking: Looking) -> list[Incident]:
    """Find the surges and campaigns of a topic as they began, and when they were over.

    A campaign is a surge of all texts, while those that count do not surge.
    """
    counted, every = scored(found, topics, looking)
    surges = list(raised(counted.score, counted.limit, np.ones(len(counted.score), bool)))
    campaigns = raised(every.score, every.limit, _apart(found, counted, surges))
    return [
        *(_incident("surge", topic, found, found.counted, counted, *ends) for ends in surges),
        *(_incident("campaign", topic, found, found.every, every, *ends) for ends in campaigns),
    ]


def raised(
    score: np.ndarray, limit: np.ndarray, may: np.ndarray
) -> Iterator[tuple[int, int | None]]:
    """Give the bins at which incidents begin, and are over; None: they go on.

    Args:
        may: whether one may begin, bool [bins].

    >>> list(raised(np.array([0, 5, 0, 0, 0, 0, 0, 0, 5.0]), np.full(9, 4.0), np.ones(9, bool)))
    [(1, 7), (8, None)]
    """
    began: int | None = None
    for place in range(len(score)):
        if began is None:
            began = place if may[place] and score[place] > limit[place] else None
        elif score[max(0, place - AN_HOUR + 1) : place + 1].max() < limit[began] - CALM:
            yield began, place
            began = None
    if began is not None:
        yield began, None


def _apart(found: History, counted: Scores, surges: Iterable[tuple[int, int | None]]) -> np.ndarray:
    """Tell in which bins there are texts that do not count, and no surge of those that do."""
    more = np.cumsum(found.every.negative - found.counted.negative)
    late = np.concatenate([np.zeros(LONGEST, np.int64), more])[: len(more)]
    found_apart = (more - late >= LEAST_COPIES) & (counted.score <= counted.limit)
    for began, over in surges:
        found_apart[began:over] = False
    return found_apart


def _incident(
    kind: str,
    topic: str,
    found: History,
    series: Series,
    scores: Scores,
    began: int,
    over: int | None,
) -> Incident:
    window = min(int(scores.window[began]), began + 1)
    own = slice(began - window + 1, began + 1)
    since, opened = (found.first + place * WIDTH for place in (own.start, own.stop))
    expected, seen = float(scores.expected[own].sum()), int(series.negative[own].sum())
    one = Incident(
        name_of(kind, topic, since),
        kind,
        topic,
        since,
        opened,
        expected,
        seen,
        severity(expected, seen, 0),
        float(scores.score[began]),
        float(scores.limit[began]),
    )
    if over is None:
        return one
    return replace(one, state="closed", closed=found.first + (over + 1) * WIDTH)


def figured(one: Incident, opinions: Iterable[Opinion]) -> Incident:
    """Add to an incident whose negative texts those of its window are, and how bad that is."""
    all_of_them = list(opinions)
    figures = {
        "seen": one.seen,
        "texts": len(all_of_them),
        "distinct": len({it.copy_of for it in all_of_them}),
        "sources": len({it.source for it in all_of_them} - {""}),
        "authors": len({it.author for it in all_of_them} - {""}),
    }
    said = severity(one.expected, one.seen, voices(figures))
    return replace(one, figures=figures, severity=said)


def of_incidents(one: Opinion, known: Iterable[Incident], negative: str) -> Iterator[str]:
    """Name the incidents in whose window an opinion is."""
    if one.sentiment == negative:
        for incident in known:
            if incident.topic == one.topic and incident.since <= one.happened < incident.opened:
                yield incident.id
