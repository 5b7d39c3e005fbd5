"""A small chart as the numbers of an SVG, so that it needs no script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDTH, HEIGHT = 240.0, 56.0


def spark(chart: Mapping[str, Any]) -> dict[str, Any]:
    """Give bars of the counts, and the outline of the band that is expected of them.

    >>> chart = {"negative": [1, 4], "low": [0, 0], "high": [2, 2]}
    >>> found = spark(chart)
    >>> found["top"], [(bar["height"], bar["out"]) for bar in found["bars"]]
    (4, [(14.0, False), (56.0, True)])
    """
    counts, low, high = chart["negative"], chart["low"], chart["high"]
    top = max([1, *counts, *high])
    step = WIDTH / max(1, len(counts))

    def y(value: float) -> float:
        return round(HEIGHT * (1 - value / top), 1)

    bars = [
        {
            "x": round(i * step, 1),
            "y": y(count),
            "width": round(max(0.5, step - 1), 1),
            "height": round(HEIGHT * count / top, 1),
            "out": count > high[i],
        }
        for i, count in enumerate(counts)
    ]
    upper = [f"{i * step:.1f},{y(value)}" for i, value in enumerate(high)]
    lower = [f"{i * step:.1f},{y(value)}" for i, value in enumerate(low)]
    return {"top": top, "bars": bars, "band": " ".join([*upper, *reversed(lower)])}
