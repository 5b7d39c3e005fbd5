"""Probabilities of labels by a regression on vectors."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

C = 10.0  # on vectors of length 1, as SetFit's paper and `init` have it


class Probe:
    """A multinomial logistic regression on vectors of length 1.

    Args:
        vectors: float32 [n, hidden].
        labels: int [n], two or more classes 0 to k - 1.
    """

    def __init__(self, vectors: np.ndarray, labels: np.ndarray, c: float = C):
        fitted = LogisticRegression(C=c, max_iter=200).fit(vectors, labels)
        kernel, bias = fitted.coef_.T, fitted.intercept_
        if kernel.shape[1] == 1:  # of two classes sklearn keeps one
            kernel, bias = np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
        self._kernel, self._bias = kernel.astype(np.float32), bias.astype(np.float32)

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Give probabilities, float32 [m, k]."""
        logits = vectors @ self._kernel + self._bias
        logits -= logits.max(1, keepdims=True)
        p = np.exp(logits)
        return p / p.sum(1, keepdims=True)
