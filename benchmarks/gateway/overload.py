"""Three times the callers that a server can serve: what is still answered in time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gateway.running import Running

LADDER = (4, 8, 16, 32, 64, 128)  # callers
FULL = 0.95  # of the best rate: so much is as much as it can
TIMES = 3  # callers that come to it, against those that saturate it
LONGER = 2  # times as long as the usual answer at saturation, a caller waits
Line = Mapping[str, Any]


def saturation(server: Running, seconds: float, warm_up: float) -> dict[str, Any]:
    """The fewest callers with nearly the best rate of answers, and how long a caller waits then."""
    ladder = {callers: server.load(callers, seconds, warm_up) for callers in LADDER}
    return {"ladder": ladder, **chosen(ladder)}


def chosen(ladder: Mapping[int, Line]) -> dict[str, Any]:
    """
    >>> lines = {8: (90.0, 20.0), 16: (99.0, 40.0), 32: (100.0, 80.0)}
    >>> chosen({n: {"requests_per_second": r, "p50_ms": p} for n, (r, p) in lines.items()})
    {'peak': 100.0, 'peak_at': 32, 'saturated_at': 16, 'callers': 48, 'patience': 0.08}
    """
    rates = {n: line["requests_per_second"] for n, line in ladder.items()}
    peak_at = max(rates, key=lambda n: rates[n])
    peak = rates[peak_at]
    enough = [n for n, rate in rates.items() if rate >= FULL * peak]
    callers = min(enough)
    return {
        "peak": peak,
        "peak_at": peak_at,
        "saturated_at": callers,
        "callers": TIMES * callers,
        "patience": round(LONGER * ladder[callers]["p50_ms"] / 1e3, 3),
    }


def kinds(patience: float, tells: bool) -> dict[str, list[str]]:
    """How callers may behave -> flags of the load generator.

    Args:
        tells: whether the server understands how long a caller waits, and says when to come again.
    """
    flags = [f"--patience={patience}"]
    if not tells:
        return {"patient": flags}
    said = [*flags, f"--header=Request-Timeout: {patience}"]
    return {
        "patient": flags,
        "refused_ask_at_once": said,
        "refused_come_later": [*said, "--obey_retry_after"],
    }


def overloaded(
    server: Running, at: Line, tells: bool, seconds: float, warm_up: float
) -> dict[str, Line]:
    """A line for each way to behave, beside the peak just before: machines are not always alike."""
    peak = server.load(at["peak_at"], seconds, warm_up)["requests_per_second"]
    found = {}
    for name, flags in kinds(at["patience"], tells).items():
        line = server.load(at["callers"], seconds, warm_up, *flags)
        shares = {
            "of_peak": round(line["requests_per_second"] / peak, 3),
            "in_time_of_peak": round(line["in_time_per_second"] / peak, 3),
        }
        found[name] = {**line, **shares}
    return found


def merged(lines: Sequence[Line]) -> dict[str, Any]:
    """Medians over rounds; of errors their sums."""
    found: dict[str, Any] = {}
    for name in lines[0]:
        values = [line[name] for line in lines]
        if name == "errors":
            kinds_of = {kind for value in values for kind in value}
            found[name] = {kind: sum(v.get(kind, 0) for v in values) for kind in sorted(kinds_of)}
        else:
            numbers = [value for value in values if value is not None]
            found[name] = statistics.median(numbers) if numbers else None
    return found
