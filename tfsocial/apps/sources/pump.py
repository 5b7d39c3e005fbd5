"""From sources into the log: each message once, whatever is killed when."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.sources.contract import Source, SourceGone
from tfsocial.errors import InputError

PAUSE, LONGEST = 0.5, 30.0  # seconds before a source that is gone is asked again, doubled each time
log = logging.getLogger(__name__)


class Pump:
    """Reads sources, each in a thread of its own.

    Args:
        added: is called after new events are in the log, as to wake who reads it.
        kept: makes of an event what is kept of it, as without personal data.
    """

    def __init__(
        self,
        events: EventLog,
        sources: Sequence[Source],
        added: Callable[[], None] = lambda: None,
        kept: Callable[[Event], Event] = lambda event: event,
    ):
        names = [source.name for source in sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"sources: {twice[0]!r} stands twice; leave one out")
        self._events, self._sources, self._added = events, sources, added
        self._kept = kept
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to read."""
        for source in self._sources:
            thread = threading.Thread(
                target=self._read, args=(source,), name=source.name, daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the batches that are on their way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(seconds)

    def _read(self, source: Source) -> None:
        """Read a source until told to stop, and again where it, or the database, was gone."""
        pause = PAUSE
        while not self._stop.is_set():
            try:
                for batch in source.batches(self._events.position(source.name), self._stop):
                    for sentence in batch.rejected:
                        log.warning("left out: %s", sentence)
                    if self._events.add(
                        map(self._kept, batch.events), {source.name: batch.position}
                    ):
                        self._added()
                    batch.kept()
                    pause = PAUSE
            except SourceGone as error:
                log.warning("%s: not to be reached (%s); again in %g s", source.name, error, pause)
            except Exception:
                log.exception("%s: a fault; again in %g s", source.name, pause)
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST)
