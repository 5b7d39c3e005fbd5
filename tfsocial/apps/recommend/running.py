"""What a recommender does by itself, in threads: takes up what is new, has rankings fitted."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from tfsocial.apps.recommend.service import Recommender

EVERY = 0.5  # seconds between two looks at the log
LOOKS = 5.0  # seconds between two looks at whether a ranking is due
DROPS = 3600.0  # seconds between two looks at what is older than it is kept
AGAIN = 600.0  # seconds after which a fit that failed is tried again
log = logging.getLogger(__name__)


class Running:
    """The threads of a recommender.

    Args:
        fits: command that fits a ranking, in a process of its own: lists are made meanwhile.
        said: hears how that went.
    """

    def __init__(
        self, recommender: Recommender, fits: Sequence[str], said: Callable[[str], object]
    ):
        self._recommender, self._fits, self._said = recommender, fits, said
        self._stop, self._asked = threading.Event(), threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._threads = [
            threading.Thread(target=one, daemon=True) for one in (self._follow, self._fit)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End what is on its way."""
        self._stop.set()
        self._asked.set()
        if (process := self._process) is not None:
            process.terminate()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10)

    def fit(self) -> None:
        """Have a ranking fitted soon, though none is due."""
        self._asked.set()

    def _follow(self) -> None:
        dropped = -DROPS
        while not self._stop.wait(EVERY):
            try:
                self._recommender.refresh()
                if time.monotonic() - dropped >= DROPS:
                    self._recommender.drop_old_lists()
                    dropped = time.monotonic()
            except Exception:
                log.exception("what is new could not be taken up; again in a moment")

    def _fit(self) -> None:
        wait = LOOKS
        while not self._stop.is_set():
            asked = self._asked.wait(wait)
            self._asked.clear()
            if self._stop.is_set():
                return
            try:
                why = "it was asked for" if asked else self._recommender.due()
                wait = LOOKS if not why or self._fitted(why) else AGAIN
            except Exception:
                log.exception("no ranking could be fitted; again later")
                wait = AGAIN

    def _fitted(self, why: str) -> bool:
        """Fit a ranking; gives whether it went well."""
        log.info("a ranking is fitted: %s", why)
        self._process = subprocess.Popen(
            self._fits, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        _, said = self._process.communicate()
        failed, self._process = self._process.returncode, None
        if said.strip() and not self._stop.is_set():
            self._said(said.strip().splitlines()[-1])
        return not failed
