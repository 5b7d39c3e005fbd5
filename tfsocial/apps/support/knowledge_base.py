"""What is known now: derived from the log, exchanged as a whole while questions are answered."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.support.index import Encode, Index
from tfsocial.apps.support.knowledge import Faq, as_row, of_row
from tfsocial.errors import InputError

STREAM = "knowledge"
AT_ONCE = 1000  # events that are read at once
EVERY = 0.5  # seconds between two looks at the log, which other processes write too
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """A question that somebody proposes; customers hear of it when another look was taken.

    Attributes:
        by: who proposes it.
        talk: that it comes from; empty: none.
        at: seconds since 1970.
    """

    faq: Faq
    by: str
    talk: str
    at: float


@dataclass
class _Known:
    """What the events come to."""

    faqs: dict[str, Faq] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    both_right: set[frozenset[str]] = field(default_factory=set)

    def copy(self) -> _Known:
        return _Known(dict(self.faqs), dict(self.drafts), set(self.both_right))


class KnowledgeBase:
    """The questions that are live, with their index; those proposed; pairs that are to stay.

    Who reads `index` has one that stays as it is; a new one takes its place when it is ready.
    """

    def __init__(self, events: EventLog, encode: Encode):
        self._events, self._encode = events, encode
        self._known = _Known()
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
        changed = [faq for faq in faqs if self._known.faqs.get(faq.id) != faq]
        self._tell((f"put {faq.id}", {"put": as_row(faq)}) for faq in changed)
        return len(changed)

    def withdraw(self, ids: Sequence[str]) -> None:
        """Take questions out.

        Raises:
            InputError: there is no such question.
        """
        self.refresh()
        for one in ids:
            if one not in self._known.faqs:
                raise InputError(f"{one}: there is no such question")
        self._tell((f"withdraw {one}", {"withdraw": one}) for one in ids)

    def get(self, name: str) -> Faq | None:
        """Give a question by its id."""
        return self._known.faqs.get(name)

    # --- what is proposed ------------------------------------------------------------------

    def drafts(self) -> list[Draft]:
        """List what is proposed, the oldest first."""
        self.refresh()
        return list(self._known.drafts.values())

    def propose(self, faq: Faq, by: str, talk: str = "", person: str = "") -> None:
        """Propose a question, for review; a draft of this id is replaced.

        Args:
            person: whose talk it comes from: it goes when they do.
        """
        content = {"draft": as_row(faq), "by": by, "talk": talk}
        self._tell([(f"draft {faq.id}", content)], person)

    def publish(self, name: str, as_faq: Faq | None = None) -> Faq:
        """Make a draft live, as it is or as the reviewer wrote it; the draft is gone then.

        Raises:
            InputError: there is no such draft.
        """
        faq = as_faq or self._draft(name).faq
        self._tell([(f"put {faq.id}", {"put": as_row(faq)}), (f"drop {name}", {"drop": name})])
        return faq

    def drop(self, name: str) -> None:
        """Throw a draft away.

        Raises:
            InputError: there is no such draft.
        """
        self._draft(name)
        self._tell([(f"drop {name}", {"drop": name})])

    def keep_both(self, one: str, other: str) -> None:
        """Say that two questions which look alike are both right, until one is changed."""
        self._tell([(f"both {one} {other}", {"both": [one, other]})])

    @property
    def both_right(self) -> frozenset[frozenset[str]]:
        """Pairs of which somebody said so."""
        return frozenset(self._known.both_right)

    # --- the log ---------------------------------------------------------------------------

    def refresh(self, anew: bool = False) -> bool:
        """Take up what came into the log; gives whether anything did.

        Args:
            anew: from the beginning, since some of it was erased.
        """
        with self._lock:
            known = _Known() if anew else self._known.copy()
            number = before = 0 if anew else self._number
            while events := self._events.after(STREAM, number, AT_ONCE):
                for event in events:
                    _apply(known, event)
                number = events[-1].number
            if number == before and not anew:
                return False
            if known.faqs != self._known.faqs:
                self.index = Index(list(known.faqs.values()), self._encode, self.index)
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

    def _tell(self, contents: Iterable[tuple[str, Mapping[str, Any]]], person: str = "") -> None:
        now = time.time()
        self._events.add(
            Event(STREAM, f"{key} {now}", now, content, person) for key, content in contents
        )
        self.refresh()

    def _draft(self, name: str) -> Draft:
        self.refresh()
        if name not in self._known.drafts:
            raise InputError(f"{name}: there is no such draft; somebody may have decided on it")
        return self._known.drafts[name]


def _apply(known: _Known, event: Event) -> None:
    content, where = event.content, f"event {event.number}"
    if row := content.get("put"):
        _unpair(known, row["id"])
        known.faqs[row["id"]] = of_row(row, where)
    elif name := content.get("withdraw"):
        _unpair(known, name)
        known.faqs.pop(name, None)
    elif row := content.get("draft"):
        faq = of_row(row, where)
        known.drafts[faq.id] = Draft(faq, content["by"], content["talk"], event.happened)
    elif name := content.get("drop"):
        known.drafts.pop(name, None)
    elif pair := content.get("both"):
        known.both_right.add(frozenset(pair))


def _unpair(known: _Known, name: str) -> None:
    known.both_right = {pair for pair in known.both_right if name not in pair}
