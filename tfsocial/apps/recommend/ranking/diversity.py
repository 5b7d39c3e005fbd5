"""Lists that are not twenty times the same: relevance against likeness, and rarely shown items.

Two ways to choose one item after the other, both with a slider from 0 (relevance alone) to 1:

* `mmr`: Carbonell & Goldstein 1998, The Use of MMR; against the most alike item chosen so far;
* `dpp`: Chen, Zhang & Zhou 2018, Fast Greedy MAP Inference for Determinantal Point Process;
  against all items chosen so far, by the volume that their vectors span.

`with_bonus` lifts what is seldom shown, before either of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TINY = 1e-6


def mmr(relevance: np.ndarray, vectors: np.ndarray, count: int, slider: float) -> np.ndarray:
    """Order by (1 - slider) relevance - slider likeness to the most alike one chosen.

    Args:
        relevance: [k], in [0, 1] as `unit` makes it.
        vectors: [k, d], of length 1 or of zeros.

    Returns:
        Places of [k], int64 [at most count].
    """
    size = min(count, len(relevance))
    chosen = np.empty(size, np.int64)
    nearest = np.zeros(len(relevance))
    left = np.ones(len(relevance), bool)
    for step in range(size):
        merit = (1 - slider) * relevance - slider * nearest
        chosen[step] = place = int(np.argmax(np.where(left, merit, -np.inf)))
        left[place] = False
        nearest = np.maximum(nearest, vectors @ vectors[place])
    return chosen


def dpp(relevance: np.ndarray, vectors: np.ndarray, count: int, slider: float) -> np.ndarray:
    """Order by what each item adds to (1 - slider) sum of relevance + slider log volume.

    Args:
        relevance: [k], in [0, 1] as `unit` makes it.
        vectors: [k, d], of length 1 or of zeros.

    Returns:
        Places of [k], int64 [at most count].
    """
    size = min(count, len(relevance))
    chosen = np.empty(size, np.int64)
    basis = np.zeros((size, len(relevance)))  # rows of the Cholesky factor
    left_over = np.ones(len(relevance))  # squared distance from the span of those chosen
    left = np.ones(len(relevance), bool)
    for step in range(size):
        merit = (1 - slider) * relevance + slider * np.log(np.maximum(left_over, TINY))
        chosen[step] = place = int(np.argmax(np.where(left, merit, -np.inf)))
        left[place] = False
        along = vectors @ vectors[place] - basis[:step].T @ basis[:step, place]
        basis[step] = along / np.sqrt(max(left_over[place], TINY))
        left_over = left_over - basis[step] ** 2
    return chosen


def unit(scores: npt.ArrayLike) -> np.ndarray:
    """Scale scores linearly, the highest to 1 and the lowest to 0, float64 [k].

    >>> unit([3.0, 1.0, 2.0]).tolist()
    [1.0, 0.0, 0.5]
    """
    values = np.asarray(scores, np.float64)
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    return (values - low) / (high - low) if high > low else np.zeros(len(values))


def with_bonus(relevance: np.ndarray, shown: npt.ArrayLike, bonus: float) -> np.ndarray:
    """Lift items by how seldom they are shown: by `bonus` where never, by half as much at the mean.

    Args:
        relevance: [k].
        shown: [k], how often each was shown lately, to anybody.
    """
    often = np.asarray(shown, np.float64)
    mean = max(float(often.mean()), TINY) if len(often) else 1.0
    lifted: np.ndarray = relevance + bonus / (1 + often / mean)
    return lifted
