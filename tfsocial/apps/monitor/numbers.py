"""The monitor's numbers for Prometheus; read when it asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tfsocial.apps.monitor.service import Monitor

INCIDENTS = "tfsocial_monitor_incidents"


class Numbers(Collector):
    """What goes on, and how far texts are labelled."""

    def __init__(self, monitor: Monitor):
        self._monitor = monitor

    def describe(self) -> list[GaugeMetricFamily]:
        """Give the names alone: a registry asks before there is anything to read."""
        return [GaugeMetricFamily(INCIDENTS, "Incidents that go on.")]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read all numbers."""
        names = ("topic", "kind", "level")
        incidents = GaugeMetricFamily(INCIDENTS, "Incidents that go on.", labels=names)
        snoozed, now = self._monitor.alarms.snoozed(), time.time()
        going_on = self._monitor.alarms.open_ones().values()
        told = (one for one in going_on if snoozed.get(one.topic, 0.0) <= now)
        counts = Counter((one.topic, one.kind, one.severity) for one in told)
        for labels, count in counts.items():
            incidents.add_metric(labels, count)
        yield incidents
        state = self._monitor.state()
        yield GaugeMetricFamily(
            "tfsocial_monitor_unlabelled_texts",
            "Texts of the log that the version of now has not labelled.",
            state.waiting,
        )
