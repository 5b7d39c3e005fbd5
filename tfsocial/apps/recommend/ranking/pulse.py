"""What everybody takes now: purchases of each item by day, moved on by one deed at a time."""

from __future__ import annotations

import numpy as np

from tfsocial.apps.recommend.ranking.deeds import BOUGHT, DAY, Deeds

DAYS = 400  # that are kept, so that the same weeks of the last year are there
NEVER = -np.inf


class Pulse:
    """Purchases of each item on each of the last 400 days.

    Args:
        items: how many there are in the catalogue.

    Attributes:
        day: the latest day of which a deed is known, in days since 1970.
        version: how often it was moved on, so that what is made from it knows when it is old.
        last: float64 [n], seconds since 1970 of the last purchase; -inf: none.
        ever: float32 [n], purchases of all times.
    """

    def __init__(self, items: int):
        self._days = np.zeros((DAYS, items), np.float32)
        self.day, self.version = 0, 0
        self.last = np.full(items, NEVER)
        self.ever = np.zeros(items, np.float32)

    @classmethod
    def of(cls, deeds: Deeds, items: int) -> Pulse:
        """Take the purchases of a log."""
        pulse = cls(items)
        bought = deeds.of_kind(BOUGHT)
        if not len(bought):
            return pulse
        days = (bought.time // DAY).astype(np.int64)
        pulse.day, pulse.version = int(days[-1]), 1
        kept = days > pulse.day - DAYS
        np.add.at(pulse._days, (days[kept] % DAYS, bought.item[kept]), 1.0)
        np.maximum.at(pulse.last, bought.item, bought.time)
        pulse.ever += np.bincount(bought.item, minlength=items).astype(np.float32)
        return pulse

    def __len__(self) -> int:
        return len(self.ever)

    def add(self, item: int, time: float, kind: int = BOUGHT) -> None:
        """Count one deed; one that is older than the days kept counts in `ever` alone."""
        if kind != BOUGHT:
            return
        day = int(time // DAY)
        self._move(day)
        if day > self.day - DAYS:
            self._days[day % DAYS, item] += 1
        self.last[item] = max(self.last[item], time)
        self.ever[item] += 1
        self.version += 1

    def grow(self, items: int) -> None:
        """Make room for items that a catalogue has in addition, behind the others."""
        more = items - len(self)
        self._days = np.pad(self._days, ((0, 0), (0, more)))
        self.last = np.pad(self.last, (0, more), constant_values=NEVER)
        self.ever = np.pad(self.ever, (0, more))
        self.version += 1

    def counts(self, now: float, days: int) -> np.ndarray:
        """Count purchases of today and the `days` whole days before, float32 [n].

        Args:
            now: seconds since 1970.
        """
        today = int(now // DAY)
        first, last = max(today - days, self.day - DAYS + 1), min(today, self.day)
        if last < first:
            return np.zeros(len(self), np.float32)
        total: np.ndarray = self._days[np.arange(first, last + 1) % DAYS].sum(0)
        return total

    def _move(self, day: int) -> None:
        """Forget the days whose places the new ones take."""
        if day <= self.day:
            return
        gone = np.arange(max(self.day + 1, day - DAYS + 1), day + 1) % DAYS
        self._days[gone] = 0
        self.day = day
