"""Keeps what the labels say up to date in the background, while people label."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

import numpy as np

from tfsocial.labelling.analysis import Analysis, analyse
from tfsocial.labelling.texts import Texts

log = logging.getLogger(__name__)

EVERY = 0.1  # of the labels there are, as many new ones have all looked at anew
AT_LEAST, AT_MOST = 3, 25  # new labels
FEW_LEFT = 8  # texts chosen and not asked for yet

Labels = Mapping[str, str]


class Assistant:
    """Analyses labels in a thread; `analysis` is the latest one.

    Args:
        look: gives the labels of now, and the texts not to ask for.
    """

    def __init__(
        self,
        texts: Texts,
        vectors: np.ndarray,
        look: Callable[[], tuple[Labels, set[str]]],
        strategy: str,
    ):
        self._texts, self._vectors, self._look, self._strategy = texts, vectors, look, strategy
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="assistant", daemon=True)
        self.analysis = self._analysed()

    def start(self) -> None:
        """Begin to wait for labels."""
        self._thread.start()

    def notice(self, labels: int, left: int) -> None:
        """Hear that there are so many labels, and so many chosen texts left to ask for."""
        seen = self.analysis.labels
        enough = min(max(AT_LEAST, EVERY * seen), AT_MOST)
        if abs(labels - seen) >= enough or (left < FEW_LEFT and labels != seen):
            self._wake.set()

    def stop(self) -> None:
        """End the thread, after what it is at."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            if self._stop.is_set():
                return
            try:
                self.analysis = self._analysed()
            except Exception:  # people go on labelling with what was said before
                log.exception("the labels could not be analysed; the suggestions stay as they were")

    def _analysed(self) -> Analysis:
        labels, asked_for = self._look()
        return analyse(self._texts, self._vectors, labels, asked_for, self._strategy)
