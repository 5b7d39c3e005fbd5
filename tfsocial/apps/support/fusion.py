"""One score from the parts, weighted on questions whose answers are known; a part may be off.

Parts are not ranks: reciprocal-rank fusion gives each list the same say, and on questions that the
encoder alone finds in 95 of 100 cases it finds 75.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
import scipy.special

from tfsocial.apps.support.index import PARTS

NOT_THERE = -1.0  # the score of what is left out
FOLDS = 5
OFF = 0.02  # a weight below this is 0
START = 20.0  # of the sum of weights, as a softmax takes them
DECAY = 1e-5  # L2 of those weights, so that a part that says nothing has none


@dataclass(frozen=True)
class Fusion:
    """Weights of the parts, in the order of `PARTS`; together 1."""

    weights: tuple[float, ...] = (0.7, 0.2, 0.0, 0.1, 0.0, 0.0)

    def __call__(self, parts: np.ndarray, has: np.ndarray) -> np.ndarray:
        """Score each known question, [n].

        Args:
            parts: [n, 6].
            has: [n, 6] bool, which parts a question can have; the others have no say about it.
        """
        return _scores(np.array(self.weights, np.float64), parts, has)


def fitted(parts: np.ndarray, has: np.ndarray, right: npt.ArrayLike) -> Fusion:
    """Choose the weights under which right answers are likeliest: a conditional logit, not below 0.

    It is taken only where it is better than the best part alone by more than chance, on folds that
    hold all questions of an answer.

    Args:
        parts: [m, n, 6], of each question that is asked.
        has: [n, 6].
        right: [m], the place of the answer of each.
    """
    own = np.asarray(right, int)
    if not len(own):
        return Fusion()
    fold_of = own % FOLDS
    fused, single = np.zeros(len(own)), np.zeros(len(own))
    for fold in set(fold_of):
        test = fold_of == fold
        learnt = parts[~test], has, own[~test]
        if len(learnt[2]):
            for ranks, chosen in ((fused, _logit(*learnt)), (single, _best_part(*learnt))):
                ranks[test] = reciprocal_ranks(chosen(parts[test], has), own[test])
    ahead = fused - single
    by_chance = ahead.std() / np.sqrt(len(own))  # its standard error
    choose = _logit if ahead.mean() > by_chance else _best_part
    return choose(parts, has, own)


def best(scores: np.ndarray, most: int) -> np.ndarray:
    """Give the places of the highest scores, the best first; of equals the first.

    >>> best(np.array([0.5, 0.9, 0.5, 0.1, 0.5]), 3).tolist()
    [1, 0, 2]
    """
    if most >= len(scores):
        return np.argsort(-scores, kind="stable")
    places = np.flatnonzero(scores >= np.partition(scores, -most)[-most])
    return places[np.argsort(-scores[places], kind="stable")][:most]


def reciprocal_ranks(scores: np.ndarray, right: npt.ArrayLike) -> np.ndarray:
    """Give 1 / rank of the right one, [m], from scores [m, n]; of equals it is the last.

    >>> reciprocal_ranks(np.array([[0.1, 0.9], [0.5, 0.5]]), [0, 0]).tolist()
    [0.5, 0.5]
    """
    own = scores[np.arange(len(scores)), np.asarray(right, int)]
    return 1.0 / (scores >= own[:, None]).sum(-1)


def _logit(parts: np.ndarray, has: np.ndarray, own: np.ndarray) -> Fusion:
    """Maximize the likelihood of a softmax over the scores (McFadden 1974), weights 0 or more."""
    usable, everyone = np.asarray(has.any(axis=0)), np.arange(len(own))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        total, said = values.sum(), np.maximum((has * values).sum(-1), 1e-9)  # of all, [n]
        shown = np.where(has, parts, 0.0)
        scores = (shown @ values) / said
        slopes = total * (shown - np.where(has, scores[..., None], 0.0)) / said[:, None]
        slopes = slopes + scores[..., None]  # of total * scores, by each weight
        likely = scipy.special.log_softmax(total * scores, axis=-1)
        expected = (np.exp(likely)[..., None] * slopes).sum(1)
        down = expected - slopes[everyone, own]
        value = -likely[everyone, own].mean() + DECAY * values @ values / 2
        return float(value), down.mean(0) + DECAY * values

    start = START * usable / usable.sum()
    bounds = [(0.0, None) if one else (0.0, 0.0) for one in usable]
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = found / max(found.sum(), 1e-9)
    weights = np.where(weights < OFF, 0.0, weights)
    if not weights.sum():
        return _best_part(parts, has, own)
    return Fusion(tuple((weights / weights.sum()).round(4).tolist()))


def _best_part(parts: np.ndarray, has: np.ndarray, own: np.ndarray) -> Fusion:
    alone = [Fusion(tuple(row)) for row in np.eye(len(PARTS)).tolist()]
    merits = [reciprocal_ranks(one(parts, has), own).mean() for one in alone]
    return alone[int(np.argmax(merits))]


def _scores(weights: np.ndarray, parts: np.ndarray, has: np.ndarray) -> np.ndarray:
    with_say = np.where(has, weights, 0.0)
    return (with_say * parts).sum(-1) / np.maximum(with_say.sum(-1), 1e-9)
