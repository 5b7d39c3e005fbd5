"""The rankings that were fitted, in numbered folders; which one is used is an event of the log."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsocial import files
from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.recommend.ranking.fitting import Model
from tfsocial.errors import InputError

STREAM = "rankings"
AT_ONCE = 1000  # events that are read at once
KEPT = 5  # rankings that can be gone back to


@dataclass(frozen=True)
class Fitted:
    """A ranking.

    Attributes:
        number: name of its folder.
        at: seconds since 1970 up to which it knows deeds.
        report: what was measured of it.
        used: whether lists are made by it.
    """

    number: int
    at: float
    report: Mapping[str, Any] = field(default_factory=dict)
    used: bool = False


class Rankings:
    """The rankings of a recommender.

    Args:
        folder: that holds theirs.
    """

    def __init__(self, log: EventLog, folder: Path):
        self._log, self._folder = log, folder
        self._lock = threading.Lock()
        self._known: dict[int, Fitted] = {}
        self._used = 0
        self._number = 0  # of the log, up to which the two are known

    def all(self) -> list[Fitted]:
        """List those that can be used, the newest first."""
        found, used = self._told()
        return [
            Fitted(one.number, one.at, one.report, one.number == used)
            for one in sorted(found.values(), key=lambda one: -one.number)
        ]

    def used(self) -> int:
        """Give the number of the one that lists are made by; 0: none is fitted yet."""
        return self._told()[1]

    def load(self, number: int) -> Model:
        """Read a ranking.

        Raises:
            InputError: its files cannot be used.
        """
        return Model.load(self._folder / str(number))

    def put(self, model: Model, at: float, report: Mapping[str, Any]) -> Fitted:
        """Keep a ranking, and use it from now on; the oldest ones are deleted.

        Raises:
            OSError: the disk is full, or may not be written.
        """
        number = 1 + max([0, *self._numbers(), *self._told()[0]])
        with files.making(self._folder / str(number)) as folder:
            model.save(folder)
        self._tell(f"put {number}", {"put": number, "at": at, "report": dict(report)})
        for old in sorted(self._told()[0])[:-KEPT]:
            self.drop(old)
        return Fitted(number, at, report, True)

    def use(self, number: int) -> None:
        """Make lists by a ranking, as by one before it.

        Raises:
            InputError: there is no such ranking.
        """
        if number not in self._told()[0]:
            raise InputError(f"{number}: there is no such ranking")
        self._tell(f"use {number}", {"use": number})

    def drop(self, number: int) -> None:
        """Delete a ranking, as one that knows somebody who is to be forgotten."""
        self._tell(f"drop {number}", {"drop": number})
        shutil.rmtree(self._folder / str(number), ignore_errors=True)

    def _numbers(self) -> list[int]:
        there = self._folder.iterdir() if self._folder.is_dir() else ()
        return [int(one.name) for one in there if one.name.isdigit()]

    def _told(self) -> tuple[Mapping[int, Fitted], int]:
        """Take up what came into the log: the rankings that can be used, and which one is."""
        with self._lock:
            while events := self._log.after(STREAM, self._number, AT_ONCE):
                for event in events:
                    self._used = _apply(self._known, self._used, event.content)
                self._number = events[-1].number
            known = dict(self._known)
            return known, self._used if self._used in known else max(known, default=0)

    def _tell(self, key: str, content: Mapping[str, Any]) -> None:
        now = time.time()
        self._log.add([Event(STREAM, f"{key} {now}", now, content)])


def _apply(found: dict[int, Fitted], used: int, content: Mapping[str, Any]) -> int:
    """Take up an event; gives the number of the ranking that is used after it."""
    if number := content.get("put"):
        found[number] = Fitted(number, content["at"], content["report"])
        return number
    if number := content.get("drop"):
        found.pop(number, None)
        return used
    return content["use"]
