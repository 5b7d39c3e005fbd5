"""The items that there are: derived from the log, exchanged as a whole while lists are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.recommend.items import Item, as_row, of_row
from tfsocial.errors import InputError

STREAM = "items"
AT_ONCE = 2000  # events that are read at once


@dataclass(frozen=True, eq=False)
class Shown:
    """The items as they are at a time; another time has another one.

    Attributes:
        items: id -> item, those withdrawn too: what was bought stays known.
        withdrawn: ids of what is not to be recommended any more.
    """

    items: Mapping[str, Item] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()


class Shelf:
    """The items, which other processes change too.

    Who reads `shown` has one that stays as it is; a new one takes its place.
    """

    def __init__(self, events: EventLog):
        self._events = events
        self._number = 0
        self._lock = threading.Lock()
        self.shown = Shown()

    def put(self, items: Iterable[Item]) -> int:
        """Offer items, or offer them in another form; the same again changes nothing.

        Returns:
            How many were new, or other than before.
        """
        self.refresh()
        shown, now = self.shown, time.time()
        dated = [_dated(item, shown.items.get(item.id), now) for item in items]
        changed = [
            item for item in dated if shown.items.get(item.id) != item or item.id in shown.withdrawn
        ]
        self._tell((f"put {item.id}", {"put": as_row(item)}) for item in changed)
        return len(changed)

    def withdraw(self, ids: Sequence[str]) -> None:
        """Recommend items no longer.

        Raises:
            InputError: there is no such item.
        """
        self.refresh()
        for one in ids:
            self.get(one)
        gone = [one for one in ids if one not in self.shown.withdrawn]
        self._tell((f"withdraw {one}", {"withdraw": one}) for one in gone)

    def get(self, id: str) -> Item:
        """Give an item, withdrawn or not.

        Raises:
            InputError: there is none.
        """
        if (item := self.shown.items.get(id)) is None:
            raise InputError(f"{id[:100]}: there is no such item")
        return item

    def refresh(self) -> bool:
        """Take up what came into the log; gives whether anything did."""
        with self._lock:
            events = self._events.after(STREAM, self._number, AT_ONCE)
            if not events:
                return False
            items, withdrawn = dict(self.shown.items), set(self.shown.withdrawn)
            while events:
                for event in events:
                    _apply(items, withdrawn, event)
                self._number = events[-1].number
                events = self._events.after(STREAM, self._number, AT_ONCE)
            self.shown = Shown(items, frozenset(withdrawn))
            return True

    def _tell(self, contents: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        now = time.time()
        self._events.add(Event(STREAM, f"{key} {now}", now, content) for key, content in contents)
        self.refresh()


def _dated(item: Item, known: Item | None, now: float) -> Item:
    """Say since when an item is sold that does not say so itself."""
    if item.since is not None:
        return item
    return replace(item, since=now if known is None else known.since)


def _apply(items: dict[str, Item], withdrawn: set[str], event: Event) -> None:
    if row := event.content.get("put"):
        item = of_row(row, f"event {event.number}")
        items[item.id] = item
        withdrawn.discard(item.id)
    elif name := event.content.get("withdraw"):
        withdrawn.add(name)
