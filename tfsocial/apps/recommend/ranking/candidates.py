"""The first stage: a few hundred items of all, by weighted ranks of several sources."""

from __future__ import annotations

import numpy as np

from tfsocial.apps.recommend.ranking import item_facts
from tfsocial.apps.recommend.ranking.features import ranks
from tfsocial.apps.recommend.ranking.scoring import SCORES

# By a logistic regression with weights not below 0, on the purchases of October of online_retail
# against all else; a source that is not named has no say.
WEIGHTS = {
    "als_smooth": 0.24,
    "lately_smooth": 0.16,
    "lately_recent_smooth": 0.06,
    "ease_smooth": 0.08,
    "words_three": 0.08,
    "text_three": 0.04,
    "sold_7": 0.23,
    "sold_30": 0.13,
    "smooth_sold_7": 0.08,
    "smooth_trend_month": 0.21,
}


def fused(scores: np.ndarray, facts: np.ndarray) -> np.ndarray:
    """Add the logarithms of ranks, weighted, float32 [n]: the highest is the best.

    Args:
        scores: float32 [scores, n]; facts: float32 [n, facts].
    """
    total, none = np.zeros(len(facts), np.float32), np.log(len(facts))
    everything = np.arange(len(facts))
    for name, weight in WEIGHTS.items():
        column = (
            scores[SCORES.index(name)] if name in SCORES else facts[:, item_facts.NAMES.index(name)]
        )
        total -= weight * np.nan_to_num(ranks(column, everything), nan=none)
    return total


def best(scores: np.ndarray, most: int) -> np.ndarray:
    """Give the places of the highest scores, the best first; of equals the first, int64."""
    if most >= len(scores):
        return np.argsort(-scores, kind="stable")
    places = np.flatnonzero(scores >= np.partition(scores, -most)[-most])
    return places[np.argsort(-scores[places], kind="stable")][:most]
