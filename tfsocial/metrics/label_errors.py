"""Labels that look wrong to who has not seen them."""

from __future__ import annotations

import numpy as np


def suspected(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mark labels that are suspected: bool [n].

    A label y of a text is suspected if another class c has p_c of at least the mean p_c of the
    texts labelled c, and more than any other such class has: confident learning, Northcutt et al.
    (2021), arXiv:1911.00068, equation 1. On a hard task a model is unsure, means are low, and right
    labels are suspected too.

    Args:
        p: probabilities by a model that has not seen the text's label, float [n, classes].
        labels: int [n]; each class has one.

    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.05, 0.95]])
    >>> suspected(p, np.array([0, 0, 1, 1, 0])).tolist()
    [False, False, False, False, True]
    """
    there = np.unique(labels)
    mean = np.full(p.shape[1], np.inf)
    mean[there] = [p[labels == one, one].mean() for one in there]
    confident = np.where(p >= mean, p, 0.0)
    return (confident.max(1) > 0) & (confident.argmax(1) != labels)


def suspects(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """List rows of suspected labels, int [m], the most suspicious first.

    In the order of the normalised margin, the label's probability minus the largest other one.
    """
    rows = np.flatnonzero(suspected(p, labels))
    own = p[rows, labels[rows]]
    others = p[rows].copy()
    others[np.arange(len(rows)), labels[rows]] = -1
    return rows[np.argsort(own - others.max(1), kind="stable")]
