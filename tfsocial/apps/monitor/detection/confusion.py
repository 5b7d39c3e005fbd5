"""True counts of labels from those that a classifier that errs has counted.

Of the texts with a true label, the classifier gives each label to a known share: the confusion
matrix. Predicted counts are the true ones times it, so the true ones come back by its inverse, as
far as they are not negative (Forman, Data Mining and Knowledge Discovery 2008, "adjusted count").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

NEGATIVE = 0  # place of the label that alarms are about


@dataclass(frozen=True)
class Corrected:
    """True counts, float [..., labels].

    Attributes:
        counts: the likeliest; they add up to what was counted.
        low, high: interval that holds each with the probability that was asked for.
    """

    counts: np.ndarray
    low: np.ndarray
    high: np.ndarray


def shares(confusions: np.ndarray, prior: float = 1.0) -> np.ndarray:
    """Give P(predicted | true) from counts [true, predicted].

    Args:
        prior: texts that are added to the diagonal of each row, so that a label that was never
            seen is taken to be read rightly.

    >>> shares(np.array([[7, 2], [0, 0]])).tolist()
    [[0.8, 0.2], [0.0, 1.0]]
    """
    filled = confusions + prior * np.eye(len(confusions))
    found: np.ndarray = filled / filled.sum(1, keepdims=True)
    return found


def correct(predicted: np.ndarray, confusion: np.ndarray, level: float = 0.95) -> Corrected:
    """Estimate true counts from predicted ones.

    Args:
        predicted: int [..., labels].
        confusion: P(predicted | true), float [labels, labels], each row adds up to 1.
        level: probability of the interval. It knows of the draw of the predicted labels only, not
            of what is unsure about the matrix.

    Raises:
        ValueError: the matrix has no inverse: two labels are predicted alike.
    """
    if np.linalg.cond(confusion) > 1e6:
        raise ValueError("confusion has no inverse: some labels are predicted alike")
    inverse = np.linalg.inv(confusion)
    flat = np.asarray(predicted, float).reshape(-1, len(confusion))
    raw = flat @ inverse
    pairs = zip(flat, raw, strict=True)
    counts = np.array([_positive(one, found, confusion) for one, found in pairs])
    # Given the true counts, predicted ones are a sum of multinomials.
    spread = np.einsum("nt,tp->np", counts, confusion)
    together = np.einsum("nt,tp,tq->npq", counts, confusion, confusion)
    variance = np.einsum("np,pt->nt", spread, inverse**2) - np.einsum(
        "npq,pt,qt->nt", together, inverse, inverse
    )
    wide = stats.norm.ppf((1 + level) / 2) * np.sqrt(variance.clip(0))
    low = (counts - wide).clip(0)
    high = np.minimum(counts + wide, flat.sum(1, keepdims=True))
    shape = np.shape(predicted)
    return Corrected(counts.reshape(shape), low.reshape(shape), high.reshape(shape))


def _positive(predicted: np.ndarray, raw: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """Give counts [labels] that are not negative and explain predicted ones best."""
    if (raw >= 0).all():
        return raw
    found = optimize.nnls(confusion.T, predicted)[0]
    return found * (predicted.sum() / found.sum()) if found.sum() else found


def leak(confusion: np.ndarray, counts: np.ndarray, negative: int = NEGATIVE) -> float:
    """Give texts wrongly counted as negative for each text counted as something else.

    Args:
        confusion: P(predicted | true), [labels, labels].
        counts: true counts, or shares, of the labels that a flood may be of, [labels].

    >>> one = np.array([[0.9, 0.1, 0.0], [0.25, 0.75, 0.0], [0.0, 0.0, 1.0]])
    >>> round(leak(one, np.array([5, 1, 0])), 3)
    0.333
    """
    others = np.arange(len(confusion)) != negative
    wrong = counts[others] @ confusion[others, negative]
    right = counts[others].sum() - wrong
    return float(wrong / max(right, 1e-9))
