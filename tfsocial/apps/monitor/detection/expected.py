"""How many texts a bin should have, from season and trend of the days before.

A season is the mean of the same phase, usually an hour of the day, over up to 28 days. Hours that
stand out, such as those of earlier surges, do not enter it.
"""

from __future__ import annotations

import numpy as np

from tfsocial.apps.monitor.detection.settings import Settings

LEAST = 1e-3  # texts a bin, where there were none
OUTLYING = 3.0  # standard deviations
ROUNDS = 3
SHRINKAGE = 0.1  # days of the overall mean that enter each phase


def expected(
    counts: np.ndarray, phase: np.ndarray, at: np.ndarray, settings: Settings
) -> np.ndarray:
    """Expect the counts of bins from those of bins before them.

    Args:
        counts: int [past], of up to `settings.history` days.
        phase: int [past], from 0 on; what it stands for is the caller's affair.
        at: int [bins]; phases of the bins that are asked about.

    Returns:
        Means, float [bins].
    """
    rates = season(counts, phase, max(int(phase.max()), int(at.max())) + 1, settings)
    ratio = trend(counts, rates[phase], settings)
    return np.maximum(rates[at] * ratio, LEAST)


def season(counts: np.ndarray, phase: np.ndarray, phases: int, settings: Settings) -> np.ndarray:
    """Give the mean count of a bin of each phase, float [phases], without what stands out."""
    runs, place = _runs(phase)
    totals = np.bincount(runs, counts)
    lengths = np.bincount(runs)
    rates = _medians(totals / lengths, place, phases)
    for _ in range(ROUNDS):
        means = rates[place] * lengths
        deviations = np.sqrt(means + (settings.deviation * means) ** 2 + 1)
        kept = totals <= means + OUTLYING * deviations
        rates = _pooled(totals[kept], lengths[kept], place[kept], phases, settings)
    return rates


def trend(counts: np.ndarray, means: np.ndarray, settings: Settings) -> float:
    """Give the ratio of the last days' counts to their seasonal means, recent days counting most.

    A day counts at most as `OUTLYING` times the spread above, and at least as that below.
    """
    days = len(counts) // settings.day
    if days < settings.least:
        return 1.0
    last = days * settings.day
    seen = counts[-last:].reshape(days, -1).sum(1)
    meant = means[-last:].reshape(days, -1).sum(1)
    ratios = (seen + 1) / (meant + 1)
    middle = np.median(ratios)
    room = np.exp(2 * settings.deviation)
    weights = 0.5 ** (np.arange(days)[::-1] / settings.half_life) * (meant + 1)
    held = np.clip(ratios, middle / room, middle * room)
    return float((held * weights).sum() / weights.sum())


def _runs(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the stretches of one phase: run of each bin [past], phase of each run [runs]."""
    begins = np.flatnonzero(np.diff(phase, prepend=phase[0] - 1))
    runs = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(phase))))
    return runs, phase[begins]


def _medians(values: np.ndarray, place: np.ndarray, phases: int) -> np.ndarray:
    """Give the median of each phase's values, float [phases]; that of all where it has none."""
    ranked = values[np.lexsort((values, place))]
    sizes = np.bincount(place, minlength=phases)
    middles = np.cumsum(sizes) - sizes + sizes // 2
    found: np.ndarray = ranked[middles.clip(0, len(ranked) - 1)]
    return np.where(sizes > 0, found, np.median(values))


def _pooled(
    totals: np.ndarray, lengths: np.ndarray, place: np.ndarray, phases: int, settings: Settings
) -> np.ndarray:
    """Give mean rates, float [phases], drawn to the overall one and smoothed over neighbours."""
    bins = np.bincount(place, lengths, phases)
    sums = np.bincount(place, totals, phases)
    overall = sums.sum() / max(1.0, bins.sum())
    drawn = SHRINKAGE * settings.hour
    rates = (sums + drawn * overall) / (bins + drawn)
    around = np.concatenate([rates[-1:], rates, rates[:1]])
    smooth: np.ndarray = (around[:-2] + 2 * rates + around[2:]) / 4
    return smooth
