"""How good rankings and lists are, in numbers of [0, 1].

Recall and NDCG: Järvelin & Kekäläinen 2002, with gains of 0 and 1. Intra-list distance: Smyth &
McClave 2001. Paired bootstrap: Efron & Tibshirani 1993, chapter 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.stats

DRAWS = 2_000


def auc(labels: npt.ArrayLike, scores: npt.ArrayLike) -> float:
    """Give the area under the ROC curve, equals counting half; nan without both labels.

    >>> auc([1, 0, 0, 1], [0.9, 0.1, 0.5, 0.5])
    0.875
    """
    right = np.asarray(labels, bool)
    ranks = scipy.stats.rankdata(np.asarray(scores, np.float64))
    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        return float("nan")
    above = ranks[right].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def auc_by_user(users: npt.ArrayLike, labels: npt.ArrayLike, scores: npt.ArrayLike) -> np.ndarray:
    """Give the AUC of each user who has both labels, by number, float64 [users]; else nan."""
    owners = np.asarray(users)
    right, values = np.asarray(labels), np.asarray(scores)
    order = np.argsort(owners, kind="stable")
    begins = np.unique(owners[order], return_index=True)[1][1:]
    parts = np.split(order, begins)
    return np.array([auc(right[part], values[part]) for part in parts])


def recall(ranked: npt.ArrayLike, wanted: npt.ArrayLike, k: int) -> float:
    """Give the share of the wanted ones among the first k of a list; nan where none is wanted.

    >>> recall([4, 7, 1, 3], [7, 3, 9], 3)
    0.3333333333333333
    """
    targets = np.asarray(wanted)
    if not len(targets):
        return float("nan")
    return float(np.isin(targets, np.asarray(ranked)[:k]).mean())


def ndcg(ranked: npt.ArrayLike, wanted: npt.ArrayLike, k: int) -> float:
    """Give the discounted gain of the first k over that of the best list; nan where none is wanted.

    >>> round(ndcg([4, 7, 1, 3], [7, 3, 9], 3), 4)  # 1 / log2(3) of 1 + 1 / log2(3) + 1 / log2(4)
    0.2961
    """
    targets = np.asarray(wanted)
    if not len(targets):
        return float("nan")
    discounts = 1 / np.log2(np.arange(2, k + 2))
    hits = np.isin(np.asarray(ranked)[:k], targets)
    return float(discounts[: len(hits)] @ hits / discounts[: min(k, len(targets))].sum())


def coverage(lists: Sequence[npt.ArrayLike], items: int) -> float:
    """Give the share of all items that stand in some list.

    >>> coverage([[0, 1], [1, 2]], 6)
    0.5
    """
    return len(np.unique(np.concatenate([np.asarray(one, np.int64) for one in lists]))) / items


def intra_list_distance(ranked: npt.ArrayLike, vectors: np.ndarray) -> float:
    """Give the mean of 1 - cosine over the pairs of a list; nan for less than two.

    Args:
        vectors: [n, d] of all items, of length 1.
    """
    own = vectors[np.asarray(ranked, np.int64)].astype(np.float64)
    if len(own) < 2:
        return float("nan")
    cosines = own @ own.T
    pairs = np.triu_indices(len(own), 1)
    return float(1 - cosines[pairs].mean())


@dataclass(frozen=True)
class Difference:
    """A mean difference, and the interval that 95 of 100 resamplings of the users lie in."""

    mean: float
    low: float
    high: float


def paired_bootstrap(
    better: npt.ArrayLike, worse: npt.ArrayLike, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """Compare two systems on the same users; users for whom either has no figure are left out.

    Args:
        better, worse: a figure for each user.
    """
    ahead = np.asarray(better, np.float64) - np.asarray(worse, np.float64)
    ahead = ahead[np.isfinite(ahead)]
    if not len(ahead):
        return Difference(float("nan"), float("nan"), float("nan"))
    draw = np.random.default_rng(seed)
    means = [ahead[draw.integers(0, len(ahead), len(ahead))].mean() for _ in range(draws)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(float(ahead.mean()), float(low), float(high))
