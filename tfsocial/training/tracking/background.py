"""A tracker in a thread of its own: the run waits for none, and none can end it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from tfsocial.training.tracking.contract import Tracker

log = logging.getLogger(__name__)

MOST_WAITING = 10_000  # calls; a tracker that hangs costs no more memory

Call = Callable[[], Any]


class Background:
    """Hands calls on to a tracker, one after the other, until one fails.

    One that fails, or hangs until too many calls wait or the run has ended, is left behind with
    one warning.
    """

    def __init__(self, name: str, tracker: Tracker):
        self.name, self.tracker = name, tracker
        self._calls: queue.Queue[Call | None] = queue.Queue(MOST_WAITING)
        self._left = False
        self._thread = threading.Thread(target=self._work, name=f"tracking-{name}", daemon=True)
        self._thread.start()

    def call(self, call: Call) -> None:
        """Have the tracker do something; returns at once."""
        if self._left:
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._leave(f"does not answer, {MOST_WAITING} points wait for it")

    def close(self, seconds: float) -> None:
        """Have it end; wait for all that was handed on, so long at most."""
        self.call(self.tracker.close)
        if not self._left:
            self._calls.put(None)
            self._thread.join(seconds)
            if self._thread.is_alive():
                self._leave(f"did not answer for {seconds:g} seconds")

    def _work(self) -> None:
        while call := self._calls.get():
            try:
                call()
            except BaseException as error:  # whatever it is, the run goes on
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                self._leave(f"failed ({reason})")
                return

    def _leave(self, why: str) -> None:
        if not self._left:
            self._left = True
            log.warning("tracking.%s %s; the run goes on without it", self.name, why)
