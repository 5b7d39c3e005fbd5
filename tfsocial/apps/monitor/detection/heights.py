"""Scores of counts that have no labels, in units of the highest that the series itself has been.

Mentions of a name come in spikes, and a spike says little unless it is higher than those that the
name has every week. So a count is compared with the tail of its own past and not with a mean.
"""

from __future__ import annotations

import numpy as np

from tfsocial.apps.monitor.detection.scan import LOWEST
from tfsocial.apps.monitor.detection.settings import Settings

WINDOW = 1 / 3  # hours whose counts are taken together
TAIL = 0.995  # quantile of the past that is the unit
SMALLEST = 2.0  # unit of a series that is nearly empty


def heights(counts: np.ndarray, settings: Settings, first: int = 0) -> np.ndarray:
    """Score all bins: the log of the last 20 minutes' count over its unit, float [bins].

    The unit is the .995 quantile of such counts in up to `settings.history` days before the block
    of half a day; bins before `settings.least` days are not judged.

    Args:
        counts: int [bins], without gaps.
        first: number of the first bin, as in `scan.scan`.
    """
    width = max(1, round(WINDOW * settings.hour))
    sums = np.convolve(counts, np.ones(width))[: len(counts)]
    found = np.full(len(counts), LOWEST)
    for start in range(-first % settings.block, len(counts), settings.block):
        if start >= settings.least * settings.day:
            past = sums[max(0, start - settings.history * settings.day) : start]
            own = slice(start, start + settings.block)
            unit = max(SMALLEST, float(np.quantile(past, TAIL)))
            found[own] = np.log(np.maximum(sums[own], 1e-6) / unit)
    return found


def rising(score: np.ndarray, limit: float, gap: int, higher: float = 0.26) -> list[int]:
    """Give the bins that an alarm is raised at.

    It is raised once; again after `gap` bins below the limit, or sooner where the score is higher
    by `higher` than it has been in the alarm; .26 is 1.3 times the count.

    >>> rising(np.array([0.0, 1.0, 1.1, 2.0, 0.0, 0.0, 0.0, 1.0]), 0.5, gap=3)
    [1, 3, 7]
    """
    found: list[int] = []
    last, peak = -gap - 1, float("-inf")
    for place in np.flatnonzero(score > limit).tolist():
        if place - last > gap or score[place] > peak + higher:
            found.append(int(place))
            peak = float(score[place])
        last, peak = place, max(peak, float(score[place]))
    return found
