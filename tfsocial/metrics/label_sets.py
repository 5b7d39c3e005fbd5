"""Sets of labels that hold the right one as often as promised: split conformal prediction."""

from __future__ import annotations

import numpy as np

COVERAGE = 0.9


def fit_threshold(
    labels: np.ndarray, probabilities: np.ndarray, coverage: float = COVERAGE
) -> float:
    """Find the probability that a label must reach to be in a text's set.

    Of texts drawn as these were, the set holds the right label in at least `coverage` of them,
    however good the model: Sadinle, Lei & Wasserman (2019), Least Ambiguous Set-Valued Classifiers
    with Bounded Error Levels, arXiv:1609.00451. A better model has smaller sets. An empty one says
    that no label is sure enough: a text for a person.

    Args:
        labels: int [n], -1 where unlabelled; of rows that nobody trained on.
        probabilities: [n, C].

    Returns:
        The k-th smallest probability of a right label, k = floor((n + 1) (1 - coverage)); 0, so
        that every label is in every set, where there are too few rows for any other.

    >>> rows = np.array([[0.9, 0.1]] * 9 + [[0.4, 0.6]] * 10)
    >>> fit_threshold(np.zeros(19, int), rows, coverage=0.5)
    0.4
    """
    known = np.asarray(labels) >= 0
    labels, probabilities = np.asarray(labels)[known], np.asarray(probabilities, np.float64)[known]
    right = np.sort(probabilities[np.arange(len(labels)), labels])
    k = int((len(labels) + 1) * (1 - coverage) + 1e-9)
    return float(right[k - 1]) if k else 0.0


def label_set_scores(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float
) -> dict[str, float]:
    """Tell how often the sets hold the right label, how many labels they hold, how many are empty.

    Args:
        labels: int [n], -1 where unlabelled; one at least is labelled.
        probabilities: [n, C].

    >>> label_set_scores(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]), 0.5)
    {'label_set_coverage': 0.5, 'label_set_size': 1.0, 'label_set_empty': 0.0}
    """
    known = np.asarray(labels) >= 0
    labels, inside = np.asarray(labels)[known], np.asarray(probabilities)[known] >= threshold
    sizes = inside.sum(-1)
    return {
        "label_set_coverage": float(inside[np.arange(len(labels)), labels].mean()),
        "label_set_size": float(sizes.mean()),
        "label_set_empty": float((sizes == 0).mean()),
    }
