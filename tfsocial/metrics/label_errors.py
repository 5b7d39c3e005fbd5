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
    """List rows of labels that look wrong, int [m], the most suspicious first.

    As many as `suspected` marks, but those whose own label is the least likely: of errors planted
    in BANKING77 that finds more, see docs, Which texts to label.
    """
    own = p[np.arange(len(labels)), labels]
    return np.argsort(own, kind="stable")[: int(suspected(p, labels).sum())]
