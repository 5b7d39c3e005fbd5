"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

CONFUSED_PAIRS = 20


def confusion_counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count examples by truth (rows) and prediction, int [classes, classes].

    Args:
        labels: int [n], -1 where unlabelled.
        predicted: int [n], the class chosen.

    Raises:
        ValueError: a class outside the matrix.

    >>> confusion_counts(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 0]), 2)
    array([[1, 1], [0, 1]])
    """
    known = labels >= 0
    cells = np.ravel_multi_index((labels[known], predicted[known]), (classes, classes))
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def most_confused(
    labels: Sequence[str], counts: np.ndarray, most: int = CONFUSED_PAIRS
) -> list[dict[str, Any]]:
    """List the confused pairs, most frequent first, then in the order of the labels.

    Args:
        counts: int [classes, classes], as `confusion_counts` gives them.
        most: how many pairs at most.

    >>> most_confused(("a", "b"), np.array([[5, 2], [0, 1]]))
    [{'truth': 'a', 'predicted': 'b', 'count': 2}]
    """
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [
        {
            "truth": labels[truth],
            "predicted": labels[predicted],
            "count": int(wrong[truth, predicted]),
        }
        for truth, predicted in pairs
        if wrong[truth, predicted]
    ]
