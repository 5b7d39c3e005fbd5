"""What diversity costs: lists by several settings, their Recall, distance and coverage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfsocial.apps.recommend.ranking import measures
from tfsocial.apps.recommend.ranking.diversity import dpp, mmr, unit, with_bonus

K = 20
WAYS: dict[str, Callable[[np.ndarray, np.ndarray, int, float], np.ndarray]] = {
    "mmr": mmr,
    "dpp": dpp,
}
SLIDERS = (0.2, 0.25, 0.3, 0.4)
BONUSES = (0.0, 0.2, 0.3, 0.4)
Line = dict[str, Any]


def prices(
    candidates: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    vectors: np.ndarray,
) -> Line:
    """Measure each way, slider and bonus.

    Args:
        candidates, scores, wanted: of each user.
        vectors: float32 [n, d].

    Returns:
        By setting: Recall in percent and as share of that without diversity, distance, coverage.
    """
    found: Line = {}
    plain = _figures(_lists(candidates, scores, vectors, mmr, 0.0, 0.0), wanted, vectors)
    settings = [(way, 0.0, bonus) for way in ("mmr",) for bonus in BONUSES]
    settings += [(way, slider, bonus) for way in WAYS for slider in SLIDERS for bonus in BONUSES]
    for way, slider, bonus in settings:
        made = _lists(candidates, scores, vectors, WAYS[way], slider, bonus)
        own = _figures(made, wanted, vectors)
        lost = 100 * (1 - own[f"Recall@{K}"] / plain[f"Recall@{K}"])
        found[f"{way} {slider}, bonus {bonus}"] = own | {"lost, %": round(lost, 2)}
    return found


def _lists(
    candidates: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    vectors: np.ndarray,
    way: Callable[[np.ndarray, np.ndarray, int, float], np.ndarray],
    slider: float,
    bonus: float,
) -> list[np.ndarray]:
    """Make the lists of all users, one after the other: what some are shown counts for others."""
    shown = np.zeros(len(vectors))
    made = []
    for own, score in zip(candidates, scores, strict=True):
        relevance = with_bonus(unit(score), shown[own], bonus)
        chosen = own[way(relevance, vectors[own], K, slider)]
        shown[chosen] += 1
        made.append(chosen)
    return made


def _figures(made: Sequence[np.ndarray], wanted: Sequence[np.ndarray], vectors: np.ndarray) -> Line:
    recall = [measures.recall(one, own, K) for one, own in zip(made, wanted, strict=True)]
    distance = [measures.intra_list_distance(one, vectors) for one in made]
    return {
        f"Recall@{K}": round(100 * float(np.mean(recall)), 2),
        "distance": round(float(np.mean(distance)), 3),
        "coverage, %": round(100 * measures.coverage(made, len(vectors)), 1),
    }
