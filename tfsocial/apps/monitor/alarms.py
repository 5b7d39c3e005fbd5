"""Incidents, as the log tells of them: one stream, to which is only ever added.

An event opens an incident, or says that it grew, that it is over, or what a person did with it.
Its key is made of what it says: of two programs that see the same surge one is heard.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.monitor.incidents import SEVERITIES, Incident
from tfsocial.errors import InputError

STREAM = "alarms"
AT_ONCE = 1_000
LONGEST_SNOOZE = 30 * 86_400.0


class Alarms:
    """The incidents of a log; each look takes in what is new."""

    def __init__(self, log: EventLog):
        self._log, self._after, self._lock = log, 0, threading.Lock()
        self._known: dict[str, Incident] = {}
        self._snoozed: dict[str, float] = {}

    def all(self) -> list[Incident]:
        """List all incidents, the latest first."""
        self._look()
        return sorted(self._known.values(), key=lambda one: -one.opened)

    def open_ones(self) -> dict[tuple[str, str], Incident]:
        """Give (kind, topic) -> the incident that goes on there."""
        return {(one.kind, one.topic): one for one in reversed(self.all()) if one.is_open}

    def get(self, id: str) -> Incident:
        """Give an incident.

        Raises:
            InputError: there is none of this id.
        """
        self._look()
        if id not in self._known:
            raise InputError(f"incident: there is none of the id {id!r}")
        return self._known[id]

    def snoozed(self) -> dict[str, float]:
        """Give topic -> until when nobody is told of it."""
        self._look()
        return dict(self._snoozed)

    def raised(self, topic: str) -> float:
        """Give the highest score of a topic's surges that people called false; 0: of none."""
        self._look()
        own = (one for one in self._known.values() if one.topic == topic and one.kind == "surge")
        return max((one.score for one in own if one.state == "false"), default=0.0)

    # --- what is said ----------------------------------------------------------------------

    def open(self, found: Incident) -> None:
        """Say that an incident began."""
        self._say(found.id, "opened", found.opened, incident=_values(found))

    def grow(self, id: str, at: float, severity: str, expected: float, **figures: int) -> None:
        """Say that an incident is worse than it was said to be."""
        said = {"severity": severity, "expected": expected, "figures": figures}
        self._say(id, f"grew {severity}", at, **said)

    def close(self, id: str, at: float) -> None:
        """Say that an incident is over."""
        self._say(id, "closed", at)

    def acknowledge(self, id: str, at: float, by: str) -> None:
        """Say that somebody has seen it.

        Raises:
            InputError: there is no such incident, or it does not go on.
        """
        if not self.get(id).is_open:
            raise InputError(f"incident {id}: is over; there is nothing to acknowledge")
        self._say(id, "acknowledged", at, by=by)

    def call_false(self, id: str, at: float, by: str) -> None:
        """Say that it was a false alarm; the same would not alarm again.

        Raises:
            InputError: there is no such incident.
        """
        self.get(id)
        self._say(id, "false", at, by=by)

    def snooze(self, topic: str, at: float, seconds: float, by: str) -> None:
        """Tell nobody of a topic for some time; its incidents are kept all the same.

        Raises:
            InputError: for a time that is not above zero, or above 30 days.
        """
        if not 0 < seconds <= LONGEST_SNOOZE:
            raise InputError("seconds: write a number above 0, of at most 30 days")
        self._say(topic, f"snoozed {at:.3f}", at, until=at + seconds, by=by)

    def _say(self, about: str, what: str, at: float, **more: Any) -> None:
        content = {"about": about, "what": what.split()[0], **more}
        self._log.add([Event(STREAM, f"{about} {what}", at, content)])

    def _look(self) -> None:
        with self._lock:
            while events := self._log.after(STREAM, self._after, AT_ONCE):
                for event in events:
                    self._take(event)
                self._after = events[-1].number

    def _take(self, event: Event) -> None:
        content = event.content
        about, what = content["about"], content["what"]
        if what == "snoozed":
            self._snoozed[about] = content["until"]
        elif what == "opened":
            self._known[about] = Incident(**content["incident"])
        elif about in self._known:
            self._known[about] = changed(self._known[about], event)


def changed(one: Incident, event: Event) -> Incident:
    """Give an incident after what an event says of it."""
    content, what = event.content, event.content["what"]
    by = content.get("by", one.by)
    if what == "grew":
        figures = content["figures"]
        return replace(
            one,
            severity=content["severity"],
            expected=content["expected"],
            seen=figures["seen"],
            figures=figures,
        )
    if what == "acknowledged":
        return replace(one, state="acknowledged" if one.is_open else one.state, by=by)
    if what == "closed":
        return replace(one, state="closed" if one.is_open else one.state, closed=event.happened)
    return replace(one, state="false", by=by, closed=one.closed or event.happened)


def _values(one: Incident) -> dict[str, Any]:
    return {**vars(one), "figures": dict(one.figures)}


def ordered(found: Iterable[Incident]) -> list[Incident]:
    """List those that go on first, the worst of them before all, then the latest."""

    def place(one: Incident) -> tuple[bool, int, float]:
        return not one.is_open, -SEVERITIES.index(one.severity) * one.is_open, -one.opened

    return sorted(found, key=place)
