"""What charts and lists show of a monitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfsocial.apps.monitor import alarms
from tfsocial.apps.monitor.correcting import corrected
from tfsocial.apps.monitor.incidents import A_DAY, AN_HOUR, Incident
from tfsocial.apps.monitor.labels import ALL, COUNTED
from tfsocial.apps.monitor.records import WIDTH
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.trends import BINS
from tfsocial.apps.monitor.watching import Look
from tfsocial.errors import InputError


@dataclass(frozen=True)
class TopicNow:
    """A topic at a glance.

    Attributes:
        hour, day: negative texts of the last hour and day that count.
        expected: in the last hour.
        texts, copies: all texts of the last day, and those that do not count for alarms.
        share: of the day's texts that count, negative ones; NaN is None.
        learning: whether there is too little history for alarms.
        incident: what goes on; None: nothing.
    """

    topic: str
    hour: int
    expected: float
    day: int
    texts: int
    copies: int
    share: float | None
    learning: bool
    incident: Incident | None


def overview(monitor: Monitor) -> list[TopicNow]:
    """List the topics: those with incidents first, then by their negative texts of a day."""
    open_ones = monitor.alarms.open_ones()
    found = [
        _now(topic, look, monitor.rules.negative, _incident(topic, open_ones))
        for topic, look in monitor.looks().items()
    ]
    return sorted(found, key=lambda one: (one.incident is None, -one.day, one.topic))


def _incident(topic: str, open_ones: dict[tuple[str, str], Incident]) -> Incident | None:
    kinds = (kind for kind in ("surge", "campaign") if (kind, topic) in open_ones)
    return next((open_ones[kind, topic] for kind in kinds), None)


def _now(topic: str, look: Look, negative: str, incident: Incident | None) -> TopicNow:
    bad = look.counted[f"{COUNTED} {negative}"]
    counted, every = (
        int(look.counted[COUNTED][-A_DAY:].sum()),
        int(look.counted[ALL][-A_DAY:].sum()),
    )
    return TopicNow(
        topic,
        int(bad[-AN_HOUR:].sum()),
        round(float(look.scanned.expected[-AN_HOUR:].sum()), 1),
        int(bad[-A_DAY:].sum()),
        every,
        every - counted,
        round(float(bad[-A_DAY:].sum()) / counted, 3) if counted else None,
        look.learning,
        incident,
    )


def charted(monitor: Monitor, topic: str, hours: int, until: float | None = None) -> dict[str, Any]:
    """Give a topic's counts by half hours, with the band that is expected of them.

    Args:
        until: seconds since 1970; None: now.

    Raises:
        InputError: there is no such topic.
    """
    look = monitor.looks().get(topic)
    if look is None:
        known = ", ".join(sorted(monitor.looks())) or "none yet"
        raise InputError(f"topic: nothing is known of {topic!r}; topics: {known}")
    scale = 3 if hours <= 48 else 18 if hours <= 24 * 7 else 144  # bins of a point
    end = BINS if until is None else min(BINS, max(1, int(until - look.counted.start) // WIDTH + 1))
    points = min(hours * AN_HOUR, end) // scale
    begin = end - points * scale
    bad = look.counted[f"{COUNTED} {monitor.rules.negative}"]
    means = look.expected(BINS - begin)[: end - begin].reshape(-1, scale).sum(1)
    low, high = look.band(means)
    return {
        "topic": topic,
        "width": scale * WIDTH,
        "start": [look.counted.at(begin + i * scale) for i in range(points)],
        "negative": _summed(bad[begin:end], scale),
        "all": _summed(look.counted[ALL][begin:end], scale),
        "counted": _summed(look.counted[COUNTED][begin:end], scale),
        "expected": [round(float(value), 2) for value in means],
        "low": [int(value) for value in low],
        "high": [int(value) for value in high],
        "marks": [at for at, _ in monitor.marks() if at >= look.counted.at(begin)],
        "incidents": [
            {"id": one.id, "since": one.since, "closed": one.closed, "severity": one.severity}
            for one in monitor.alarms.all()
            if one.topic == topic and (one.closed or np.inf) >= look.counted.at(begin)
        ],
    }


def corrections(monitor: Monitor) -> dict[str, Any] | None:
    """Give the last day's negative texts by topic, corrected; None: nothing to correct by."""
    known = monitor.correction()
    if known is None:
        return None
    found = {}
    for topic, look in sorted(monitor.looks().items()):
        seen = int(look.counted[f"{ALL} {monitor.rules.negative}"][-A_DAY:].sum())
        found[topic] = corrected(known, seen, int(look.counted[ALL][-A_DAY:].sum()))
    return {"rows": known.rows, "accuracy": known.accuracy, "topics": found}


def _summed(counts: np.ndarray, scale: int) -> list[int]:
    return [int(value) for value in counts.reshape(-1, scale).sum(1)]


def feed(monitor: Monitor, most: int = 50) -> Sequence[Incident]:
    """List incidents for the feed: those that go on first, the worst before all."""
    return alarms.ordered(monitor.alarms.all())[:most]


def incidents_of(monitor: Monitor, topic: str, most: int = 5) -> list[Incident]:
    """List incidents of a topic, those that go on first."""
    return alarms.ordered(one for one in monitor.alarms.all() if one.topic == topic)[:most]
