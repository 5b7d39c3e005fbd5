"""Incidents: what is said of a surge, and how bad it is; needs no log."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from tfsocial.apps.monitor.records import DAY, WIDTH

# What both ways of looking go by, see `watching` and `on_beam.scoring`.
AN_HOUR, A_DAY = 3600 // WIDTH, DAY // WIDTH  # bins
LONGEST = 8 * AN_HOUR  # bins of the longest window
CALM = 1.0  # below the threshold for an hour by so much (log10 of odds), a surge is over
LEAST_COPIES = 5  # texts that do not count, before it is asked whether they are a campaign
KINDS = ("surge", "campaign", "silence")
SEVERITIES = ("minor", "major", "critical")


@dataclass(frozen=True)
class Incident:
    """Something that is not as it should be with a topic, or with a source.

    Attributes:
        id: of its own.
        kind: surge, campaign (one voice, or copies of one text), or silence (of a source).
        since: start of the window in which it was seen, seconds since 1970.
        opened: when it was first said.
        expected, seen: texts in that window.
        figures: texts, distinct texts, sources and authors of the window, as last said.
        severity: minor, major or critical.
        state: open, acknowledged, closed, or false (alarm).
        score, threshold: as it was opened, and what it had to exceed.
        by: who did the last thing with it; empty: nobody.
    """

    id: str
    kind: str
    topic: str
    since: float
    opened: float
    expected: float
    seen: int
    severity: str
    score: float
    threshold: float
    state: str = "open"
    closed: float = 0.0
    by: str = ""
    figures: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.state in ("open", "acknowledged")


def name_of(kind: str, topic: str, since: float) -> str:
    """Make the id of an incident: the same surge, seen twice, has the same."""
    text = f"{kind} {topic} {since:.0f}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:12]


def severity(expected: float, seen: int, authors: int) -> str:
    """Say how bad a surge is: by how many times what is expected, and of how many people.

    >>> severity(4, 9, 9), severity(4, 14, 12), severity(4, 40, 30)
    ('minor', 'major', 'critical')
    """
    times = seen / max(expected, 1.0)
    if times >= 6 and authors >= 20:
        return "critical"
    return "major" if times >= 3 else "minor"


def voices(figures: Mapping[str, int]) -> int:
    """Give how many people spoke; where authors are not known, how many distinct texts.

    >>> voices({"authors": 0, "distinct": 3})
    3
    """
    return figures["authors"] or figures["distinct"]


def worse(one: str, other: str) -> bool:
    """Tell whether a severity is above another one."""
    return SEVERITIES.index(one) > SEVERITIES.index(other)
