"""How many labels look wrong to a regression on M0's vectors that has not seen them."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from tfsocial.metrics import label_errors

FOLDS = 5
MOST_ROWS = 2000  # looked at: half a minute for 150 classes


def suspected(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Estimate the share of wrong labels; 0 where classes are too small to tell.

    By `metrics.label_errors` on out-of-fold probabilities of a logistic regression.
    On a hard task a regression is unsure, means are low, and right labels are suspected too: what
    that comes to, see `recipe.NOISY` and benchmarks/suspected_labels.py.

    Args:
        vectors: float32 [n, hidden], of length 1.
        labels: int [n].
    """
    enough = np.isin(labels, np.flatnonzero(np.bincount(labels) >= FOLDS))
    vectors, labels = vectors[enough], np.unique(labels[enough], return_inverse=True)[1]
    if len(labels) == 0 or labels.max() == 0:
        return 0.0
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    regression = LogisticRegression(C=10.0, max_iter=200)
    p = cross_val_predict(regression, vectors, labels, cv=folds, method="predict_proba")
    return float(np.mean(label_errors.suspected(p, labels)))
