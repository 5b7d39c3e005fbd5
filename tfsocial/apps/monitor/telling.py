"""What is said of an incident where it is sent: counts, never texts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tfsocial.apps.events import Event
from tfsocial.apps.monitor.incidents import Incident
from tfsocial.apps.monitor.service import Monitor


def message(monitor: Monitor, event: Event) -> Mapping[str, Any] | None:
    """Make what is sent of an alarm's event; None: nobody is to be told.

    The summary names counts alone; texts stay with the monitor.
    """
    incident = monitor.alarms.get(event.content["about"])
    if monitor.alarms.snoozed().get(incident.topic, 0.0) > time.time():
        return None
    return {
        "summary": summary(incident, event.content["what"]),
        "incident": incident.id,
        "what": event.content["what"],
        "kind": incident.kind,
        "topic": incident.topic,
        "severity": incident.severity,
        "at": event.happened,
        "since": incident.since,
        "expected": round(incident.expected, 1),
        "seen": incident.seen,
        **{name: value for name, value in incident.figures.items() if name != "seen"},
    }


def summary(incident: Incident, what: str = "") -> str:
    """Say in a line what an incident is."""
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(incident.since))
    over = " (over)" if what == "closed" else ""
    if incident.kind == "silence":
        return (
            f"{incident.topic}: nothing since {since}, {incident.expected:.0f} texts were to come"
            f"{over}"
        )
    figures = incident.figures
    return (
        f"{incident.topic}: {incident.kind}, {incident.severity}: expected "
        f"{incident.expected:.0f}, saw {incident.seen} since {since}, "
        f"{figures.get('distinct', 0)} distinct texts, {figures.get('sources', 0)} sources{over}"
    )
