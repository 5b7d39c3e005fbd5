"""The labelled rows as a file that `train` reads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tfsocial.labelling.texts import Texts
from tfsocial.selection import output

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two writings at the least


def write(
    path: Path, texts: Texts, labels: Mapping[str, str], notes: Mapping[str, str], column: str
) -> None:
    """Write the rows with a label, in the order of the file, whole or not at all.

    Args:
        labels: text -> label.
        notes: text -> note, a column of its own where there is one.
    """
    keys = [key for key in texts.keys if key in labels]
    rows = [texts.rows[texts.place[key]] for key in keys]
    columns = {column: [labels[key] for key in keys]}
    if notes:
        columns["note"] = [notes.get(key, "") for key in keys]
    output.write(path, texts.path, rows, columns)


class Exporter:
    """Writes the file again soon after something changed, in a thread; the log is what counts."""

    def __init__(self, write: Callable[[], None]):
        self._write = write
        self._changed, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="export", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def notice(self) -> None:
        """Hear that something changed."""
        self._changed.set()

    def stop(self) -> None:
        """Write a last time and end."""
        self._stop.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._changed.wait()
            self._changed.clear()
            if not self._stop.is_set():
                try:
                    self._write()
                except OSError as error:  # the log has all of it; the next click tries again
                    log.warning("%s: could not be written (%s)", error.filename, error.strerror)
                self._stop.wait(EVERY)
