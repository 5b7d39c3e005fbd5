"""What a monitor does by itself, in threads: reads sources, labels, looks, sends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from tfsocial.apps.events import Event
from tfsocial.apps.monitor.delivery import Deliveries
from tfsocial.apps.monitor.service import EVERY, Monitor
from tfsocial.apps.sources.contract import Source
from tfsocial.apps.sources.pump import Pump

PAUSE, LONGEST = 1.0, 30.0  # seconds after a fault, doubled each time
SENDS = 1.0  # seconds between two looks at what is to be sent
log = logging.getLogger(__name__)


class Running:
    """The threads of a monitor.

    Args:
        kept: makes of a text's event what is kept of it.
        ends: ends what goes on outside of this process.
    """

    def __init__(
        self,
        monitor: Monitor,
        deliveries: Deliveries,
        sources: Sequence[Source],
        kept: Callable[[Event], Event],
        ends: Callable[[], object],
    ):
        self._ends = ends
        self._monitor, self._deliveries = monitor, deliveries
        self._stop, self._woken = threading.Event(), threading.Event()
        self._pump = Pump(monitor.log, sources, self._woken.set, kept)
        self._threads = [
            threading.Thread(target=self._repeat, args=one, daemon=True)
            for one in (
                (self._label, self._wait),
                (self._send, self._pause),
                (monitor.fit_next, self._pause),
            )
        ]

    def start(self) -> None:
        """Begin."""
        self._pump.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what is on its way."""
        self._stop.set()
        self._woken.set()
        self._pump.stop()
        self._ends()
        for thread in self._threads:
            if thread.is_alive():  # it may have to stop before it began
                thread.join(10)

    def wake(self) -> None:
        """Say that texts have come."""
        self._woken.set()

    def _label(self) -> int:
        return self._monitor.step()

    def _send(self) -> int:
        return self._deliveries.step(time.time())

    def _wait(self) -> None:
        self._woken.wait(EVERY)
        self._woken.clear()

    def _pause(self) -> None:
        self._stop.wait(SENDS)

    def _repeat(self, work: Callable[[], int], rest: Callable[[], None]) -> None:
        """Work until told to stop; a fault is logged, and it is tried again."""
        pause = PAUSE
        while not self._stop.is_set():
            try:
                if not work():
                    rest()
                pause = PAUSE
            except Exception:
                if self._stop.is_set():
                    return
                log.exception("a fault of the monitor; again in %g s", pause)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST)
