"""A moment before the next batch for those who were just answered: they often ask again at once.

Without it the first of them makes a batch alone, or they fall into halves that wait for each
other's batches. Who is alone waits for nobody; and where callers are refused there is no moment to
lose, and those who were answered find others before them.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

SHARE = 0.25  # of what the last batch took: the longest moment
LONGEST = 0.01  # seconds
GAP = 0.002  # seconds in which nobody came: the rest will not either
AFTER = 1.0  # seconds after a refusal in which nobody is waited for


class Company:
    """Whether the next batch waits for more callers.

    Args:
        over: is called when a moment is over that nobody ended before.
    """

    def __init__(self, over: Callable[[], None]):
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        self._expected = 0
        self._came = self._until = 0.0
        self._refused = -math.inf

    def expect(self, callers: int, seconds: float) -> None:
        """Begin a moment, after a batch that took so long, for those in it and those who wait."""
        self.stop()
        now = time.monotonic()
        if callers > 1 and now - self._refused > AFTER:
            self._expected, self._came = callers, now
            self._until = self._came + min(SHARE * seconds, LONGEST)
            self._wait()

    def came(self) -> None:
        """Take note of a call."""
        self._came = time.monotonic()

    def refused(self) -> None:
        """Take note that somebody was refused."""
        self._refused = time.monotonic()

    def awaited(self, waiting: int) -> bool:
        """Say whether the next batch waits, where so many callers do already."""
        return self._timer is not None and waiting < self._expected

    def stop(self) -> None:
        """End the moment."""
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def _wait(self) -> None:
        seconds = min(self._came + GAP, self._until) - time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._look)

    def _look(self) -> None:
        if time.monotonic() < min(self._came + GAP, self._until):
            self._wait()
            return
        self._timer = None
        self._over()
