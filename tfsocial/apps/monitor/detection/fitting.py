"""What a topic's own quiet counts say about how they behave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats

from tfsocial.apps.monitor.detection.expected import expected
from tfsocial.apps.monitor.detection.levels import Counted, model
from tfsocial.apps.monitor.detection.settings import Settings

LEAST = 14  # days
TRIED: dict[str, tuple[float, ...]] = {
    "coupling": (0.0, 0.5, 1.0),
    "spread": (0.15, 0.35, 0.5),
    "slow": (0.2, 0.3),
    "memory": (0.7, 0.85),
    "burst": (0.005, 0.02, 0.3),
}


def fit(negative: np.ndarray, total: np.ndarray, phase: np.ndarray, settings: Settings) -> Settings:
    """Choose by what makes the negatives likeliest, one of `TRIED` after the other.

    Each bin's negatives are foreseen from the bins before it and from the rest of that bin, so
    that labels which do not move together are not coupled. With less than two weeks nothing is
    changed: what fits a few days best is mostly chance.

    Args:
        negative, total, phase: int [bins], as in `scan.scan`; the last `settings.history` days
            are read.
    """
    last = slice(-settings.history * settings.day, None)
    counts = np.stack([negative[last], total[last] - negative[last]])
    if counts.shape[1] < LEAST * settings.day:
        return settings
    best = _likelihood(counts, phase[last], settings)
    for name, values in TRIED.items():
        for value in values:
            changed: dict[str, Any] = {name: value}
            tried = replace(settings, **changed)
            likelihood = _likelihood(counts, phase[last], tried)
            if likelihood > best:
                best, settings = likelihood, tried
    return settings


def _likelihood(counts: np.ndarray, phase: np.ndarray, settings: Settings) -> float:
    """Give the log probability of the negatives, counts [0], each given all before."""
    means = [expected(one, phase, phase, settings) for one in counts]
    negative, rest, of_negative, of_rest = (value[None] for value in (*counts, *means))
    known = np.ones_like(negative, bool)
    rows = Counted(negative, rest, of_negative, of_rest, known, np.ones(1))
    found = model(settings).filtered(rows).likelihood
    # `levels.log_likelihood` leaves out what depends on the burst alone.
    wide = 1 / settings.burst
    rest = stats.nbinom.logpmf(counts[0], wide, wide / (wide + counts[0]))
    return float(found.sum() + rest.sum())
