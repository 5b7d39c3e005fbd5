"""Counts of topics and of sources as arrays, kept as the log grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from tfsocial.apps.buckets import Buckets
from tfsocial.apps.monitor.labels import split_label
from tfsocial.apps.monitor.records import DAY, WIDTH

DAYS = 35  # that are looked back on
BINS = DAYS * DAY // WIDTH
AGAIN = 9 * 3600 // WIDTH  # bins at the end that may still grow: the longest window, and more


@dataclass(frozen=True)
class Counted:
    """Counts of one thing.

    Attributes:
        start: of the first bin, seconds since 1970.
        values: kind -> int [bins]; the last bin is the one that fills now.
    """

    start: int
    values: Mapping[str, np.ndarray]

    def __getitem__(self, kind: str) -> np.ndarray:
        found = self.values.get(kind)
        return np.zeros(BINS, np.int64) if found is None else found

    def copy(self) -> Counted:
        """Keep it as it is now."""
        return Counted(self.start, {kind: one.copy() for kind, one in self.values.items()})

    def at(self, bin: int) -> int:
        """Give the time at which a bin starts."""
        return self.start + bin * WIDTH

    @property
    def since(self) -> int:
        """The first bin in which anything was counted; all of them: none was."""
        seen = [np.flatnonzero(one)[0] for one in self.values.values() if one.any()]
        return int(min(seen, default=BINS))


class Trends:
    """The last five weeks of a series.

    Args:
        keys: of what a label of the series is counted as: (name, kind), some of them.
    """

    def __init__(self, buckets: Buckets, keys: Callable[[str], Iterable[tuple[str, str]]]):
        self._buckets, self._keys = buckets, keys
        self._start = 0
        self._counts: dict[str, dict[str, np.ndarray]] = {}

    def refresh(self, connection: Connection, now: float, since: float | None = None) -> None:
        """Read what may have changed up to a time.

        Args:
            since: from when on buckets were corrected, before the last nine hours; None: none.
        """
        start = self._buckets.start(now) - (BINS - 1) * WIDTH
        known = self._start if 0 < self._start <= start else start - BINS * WIDTH
        self._move(start)
        again = max(start, known + (BINS - AGAIN) * WIDTH)
        if since is not None:
            again = max(start, min(again, self._buckets.start(since)))
        end = start + BINS * WIDTH
        self._read(self._buckets.counts(connection, again, end), again)

    @property
    def names(self) -> list[str]:
        """What is counted, in the order of its names."""
        return sorted(self._counts)

    def of(self, name: str) -> Counted:
        """Give the counts of a topic or source."""
        return Counted(self._start, self._counts.get(name, {}))

    def _move(self, start: int) -> None:
        """Let go of the oldest bins, and begin new ones."""
        by = (start - self._start) // WIDTH if self._start else BINS
        self._start = start
        if by == 0:
            return
        if not 0 < by < BINS:
            self._counts = {}
        for kinds in self._counts.values():
            for counts in kinds.values():
                counts[:-by] = counts[by:].copy()
                counts[-by:] = 0

    def _read(self, found: Mapping[int, Counter[str]], again: int) -> None:
        place = (again - self._start) // WIDTH
        for kinds in self._counts.values():
            for counts in kinds.values():
                counts[place:] = 0
        for start, labels in found.items():
            for label, count in labels.items():
                for name, kind in self._keys(label):
                    self._array(name, kind)[(start - self._start) // WIDTH] += count

    def _array(self, name: str, kind: str) -> np.ndarray:
        kinds = self._counts.setdefault(name, {})
        return kinds.setdefault(kind, np.zeros(BINS, np.int64))


def of_topics(label: str) -> list[tuple[str, str]]:
    """Give what a label of opinions is counted as.

    >>> of_topics("all|negative|bank")
    [('bank', 'all'), ('bank', 'all negative')]
    """
    kind, sentiment, topic = split_label(label)
    return [(topic, kind), (topic, f"{kind} {sentiment}")]


def of_sources(label: str) -> list[tuple[str, str]]:
    """Give what a label of sources is counted as."""
    return [(label, "all")]
