"""What is known now: derived from the log, exchanged as a whole while questions are answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.support.index import Encode, Index
from tfsocial.apps.support.knowledge import Faq, as_row, of_row
from tfsocial.errors import InputError

STREAM = "knowledge"
AT_ONCE = 1000  # events that are read at once
EVERY = 0.5  # seconds between two looks at the log, which other processes write too
log = logging.getLogger(__name__)


class KnowledgeBase:
    """The questions that are live, with their index.

    Who reads `index` has one that stays as it is; a new one takes its place when it is ready.
    """

    def __init__(self, events: EventLog, encode: Encode):
        self._events, self._encode = events, encode
        self._known: dict[str, Faq] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.index = Index([], encode)

    def put(self, faqs: Iterable[Faq]) -> int:
        """Make questions live, or live in another form; the same again changes nothing.

        Returns:
            How many were new or other than before.
        """
        self.refresh()
        changed = [faq for faq in faqs if self._known.get(faq.id) != faq]
        now = time.time()
        self._events.add(
            Event(STREAM, f"put {faq.id} {now}", now, {"put": as_row(faq)}) for faq in changed
        )
        self.refresh()
        return len(changed)

    def withdraw(self, ids: Sequence[str]) -> None:
        """Take questions out.

        Raises:
            InputError: there is no such question.
        """
        self.refresh()
        unknown = [one for one in ids if one not in self._known]
        if unknown:
            raise InputError(f"{unknown[0]}: there is no such question")
        now = time.time()
        self._events.add(
            Event(STREAM, f"withdraw {one} {now}", now, {"withdraw": one}) for one in ids
        )
        self.refresh()

    def get(self, name: str) -> Faq | None:
        """Give a question by its id."""
        return self._known.get(name)

    def refresh(self) -> bool:
        """Take up what came into the log; gives whether anything did."""
        with self._lock:
            known, number = dict(self._known), self._number
            while events := self._events.after(STREAM, number, AT_ONCE):
                for event in events:
                    _apply(known, event)
                number = events[-1].number
            if number == self._number:
                return False
            self.index = Index(list(known.values()), self._encode, self.index)
            self._known, self._number = known, number
            return True

    def follow(self) -> None:
        """Take up what comes into the log from now on, in the background."""
        self._thread = threading.Thread(target=self._follow, name="knowledge", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no longer."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.refresh()
            except Exception:
                log.exception("what came into the log could not be taken up; again in a moment")


def _apply(known: dict[str, Faq], event: Event) -> None:
    if row := event.content.get("put"):
        faq = of_row(row, f"event {event.number}")
        known[faq.id] = faq
    elif name := event.content.get("withdraw"):
        known.pop(name, None)
