"""Tables of scaling gateways: the times that were measured, and what was simulated with them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from docs.hooks.results import table, tree

FILE = "elastic.json"
Day = Mapping[str, Any]


def curve() -> str:
    """Seconds of one process with one thread by the size of a batch; measured."""
    rows = [
        [
            one["texts"],
            f"{one['tokens']:,}",
            f"{1000 * one['cpu_seconds']:.0f} ms",
            f"{one['texts'] / one['cpu_seconds']:.0f}",
        ]
        for one in tree(FILE)["measured"]["curve"]
    ]
    header = ["texts of a batch", "tokens", "CPU time, measured", "texts a second of a core"]
    return table(header, rows)


def policies() -> str:
    """What each policy comes to on the simulated days: means, and the lowest and highest day."""
    found = tree(FILE)
    price = found["price_of_a_core_hour"]
    rows = [
        [
            one["policy"],
            f"{one['startup']:.0f} s",
            _gateways(one["days"]),
            _milliseconds(one["days"], "answer_p50"),
            _milliseconds(one["days"], "answer_p95"),
            _unanswered(one["days"]),
            _range([day["replica_hours"] for day in one["days"]], 0),
            _range([day["cost_of_a_million_texts"] for day in one["days"]], 3),
        ]
        for one in found["simulated"]["policies"]
    ]
    header = [
        "policy (simulated)",
        "start-up",
        "gateways: mean, most",
        "answered within: half",
        "95 %",
        "refused or late",
        "core-hours a day",
        f"cost of a million texts at {price:g} a core-hour",
    ]
    return table(header, rows)


def _gateways(days: Sequence[Day]) -> str:
    mean = statistics.mean(day["replicas_mean"] for day in days)
    return f"{mean:.1f}, {max(day['replicas_most'] for day in days)}"


def _milliseconds(days: Sequence[Day], key: str) -> str:
    return f"{_range([1000 * day[key] for day in days], 0)} ms"


def _unanswered(days: Sequence[Day]) -> str:
    return f"{_range([100 * (day['refused'] + day['late']) for day in days], 2)} %"


def _range(values: Sequence[float], digits: int) -> str:
    """Write a mean with the lowest and highest day.

    >>> _range([1.0, 2.0], 1), _range([2.0, 2.0], 0)
    ('1.5 (1.0 to 2.0)', '2')
    """
    mean, low, high = statistics.mean(values), min(values), max(values)
    words = [f"{number:,.{digits}f}" for number in (mean, low, high)]
    return words[0] if words[1] == words[2] else f"{words[0]} ({words[1]} to {words[2]})"
