"""How many answers are right with so many labels, estimated from texts without one."""

from __future__ import annotations

import numpy as np

from tfsocial.metrics.learning_curve import LearningCurve
from tfsocial.metrics.probe import Probe, fitted_temperature, out_of_fold_logits

SHARES = (0.5, 0.625, 0.75, 0.875, 1.0)  # of the labels, the first ones, that points are at
MOST_LOOKED_AT = 2000  # texts of the pool
FEWEST = 20  # labels


def learning_curve(
    vectors: np.ndarray, labels: np.ndarray, pool: np.ndarray
) -> LearningCurve | None:
    """Estimate the learning curve of a regression on vectors; None with too few labels.

    Texts that were chosen are not like those that will come, so what is held out of them says
    little of those. The accuracy at a point is the mean of the likeliest label's probability over
    the pool, with the temperature fitted on texts held out (Guillory et al., 2021, Predicting with
    Confidence on Unseen Distributions, arXiv:2107.03315).

    Args:
        vectors: of the labelled texts, float32 [n, hidden], in the order in which they got labels.
        labels: int [n].
        pool: vectors of texts as they will come, float32 [m, hidden].
    """
    sizes = sorted({int(share * len(labels)) for share in SHARES})
    if len(labels) < FEWEST or len(np.unique(labels[: sizes[0]])) < 2:
        return None
    looked_at = pool[:: -(-len(pool) // MOST_LOOKED_AT)]
    accuracy = [_confidence(vectors[:n], labels[:n], looked_at) for n in sizes]
    return LearningCurve.of(np.array(sizes), np.array(accuracy))


def _confidence(vectors: np.ndarray, labels: np.ndarray, pool: np.ndarray) -> float:
    _, codes = np.unique(labels, return_inverse=True)
    classes = int(codes.max()) + 1
    t = fitted_temperature(out_of_fold_logits(vectors, codes, classes), codes)
    return float(Probe(vectors, codes)(pool, t).max(1).mean())
