"""Scores of a topic's bins: how likely its negatives surge, given all that came before.

Bins are scored by blocks of half a day. A block has a season of its own, from the days before it,
and a filter that begins a day earlier. So the newest bins cost the same however much is known, and
their scores are those that a scan of everything gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from tfsocial.apps.monitor.detection.expected import LEAST, expected
from tfsocial.apps.monitor.detection.levels import Counted, model
from tfsocial.apps.monitor.detection.settings import Settings

LOWEST = -15.0  # score of what cannot be judged


@dataclass(frozen=True)
class Scanned:
    """What was found of bins, each [bins].

    Attributes:
        score: log10 of the odds that the negatives surge, up to its bin.
        window: bins of the window up to it that stands out most.
        expected: negatives in the bin.
        low, high: band that a quiet bin's negatives are in.
    """

    score: np.ndarray
    window: np.ndarray
    expected: np.ndarray
    low: np.ndarray
    high: np.ndarray


def scan(
    negative: np.ndarray,
    total: np.ndarray,
    phase: np.ndarray,
    settings: Settings = Settings(),  # noqa: B008 (it is frozen)
    first: int = 0,
) -> Scanned:
    """Score all bins.

    Args:
        negative, total: int [bins], without gaps.
        phase: int [bins]; see `expected.expected`.
        first: number of the first bin, counted from any time that stays; blocks begin where it is
            a multiple of their length.
    """
    return newest(negative, total, phase, len(negative), settings, first)


def newest(
    negative: np.ndarray,
    total: np.ndarray,
    phase: np.ndarray,
    bins: int,
    settings: Settings = Settings(),  # noqa: B008 (it is frozen)
    first: int = 0,
) -> Scanned:
    """Score the newest bins only.

    The counts need to reach back `settings.history` days and two more: then more of them changes
    nothing.

    Args:
        bins: how many at the end.
        negative, total, phase, first: as in `scan`.
    """
    end = len(negative)
    widest = round(max(settings.windows) * settings.hour)
    begin = max(0, end - bins - widest)
    starts = np.arange(begin - (begin + first) % settings.block, end, settings.block)
    counts = np.stack([negative, total - negative])
    known = [_block(counts, phase, int(start), settings) for start in starts]
    rows = Counted(*(np.stack(values) for values in zip(*known, strict=True)))
    if len(starts) == 1:  # the rest of its block is not there yet
        rows = rows.until(settings.burn_in + end - int(starts[0]))
    filtered = model(settings).filtered(rows)
    own = slice(settings.burn_in, None)
    flat = slice(begin - starts[0], end - starts[0])
    enough = starts >= settings.least * settings.day
    scores = np.where(enough[:, None], filtered.odds[:, own], LOWEST).ravel()[flat]
    means = (rows.of_negative * filtered.level)[:, own].ravel()[flat]
    found = (scores, windows(negative[begin:], means, settings), means, *band(means, settings))
    return Scanned(*(values[end - bins - begin :] for values in found))


def _block(
    counts: np.ndarray, phase: np.ndarray, start: int, settings: Settings
) -> tuple[np.ndarray, ...]:
    """Gather what the filter of a block reads: the fields of a row of `Counted`."""
    places = np.arange(start - settings.burn_in, start + settings.block)
    known = (places >= 0) & (places < counts.shape[1])
    inside = places.clip(0, counts.shape[1] - 1)
    past = slice(max(0, start - settings.history * settings.day), max(0, start))
    days = (past.stop - past.start) / settings.day
    if days:
        means = [expected(one[past], phase[past], phase[inside], settings) for one in counts]
    else:
        means = [np.full(len(places), LEAST)] * 2
    unsure = np.sqrt(1 + 1 / max(1.0, days))
    return (*(counts[:, inside] * known), *means, known, unsure)


def windows(negative: np.ndarray, means: np.ndarray, settings: Settings) -> np.ndarray:
    """Give the bins of the window that stands out most up to each bin, int [bins].

    That is the one with the largest likelihood ratio of a Poisson scan (Kulldorff,
    Communications in Statistics 1997).
    """
    widths = np.array([max(1, round(hours * settings.hour)) for hours in settings.windows])
    ends = np.arange(1, len(negative) + 1)
    begins = np.maximum(ends - widths[:, None], 0)
    counts, wanted = (_between(values, begins, ends) for values in (negative, means))
    ratio = counts * np.log(np.maximum(counts, 1e-9) / wanted) - counts + wanted
    found: np.ndarray = widths[np.where(counts > wanted, ratio, 0).argmax(0)]
    return found


def _between(values: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    found: np.ndarray = np.maximum(sums[ends] - sums[begins], LEAST / 10)
    return found


def band(means: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Give the counts that a quiet bin lies between, with `settings.band` probability."""
    shape = 1 / (settings.deviation**2 + settings.burst)
    outside = (1 - settings.band) / 2
    share = shape / (shape + means)
    low, high = (stats.nbinom.ppf(p, shape, share) for p in (outside, 1 - outside))
    return low, high
