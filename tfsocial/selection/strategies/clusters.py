"""Vectors in clusters by k-means, of a few hundred or of a million."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning

WHOLE_UP_TO = 20_000  # vectors; of more, k-means goes by mini-batches
BATCH = 8192


def clusters(vectors: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Number the cluster of each vector, int [n].

    Lloyd's k-means; of many vectors that of Sculley (2010), Web-Scale K-Means Clustering.

    Args:
        vectors: float32 [n, hidden].
        count: of clusters, at most n.
    """
    settings = {"n_clusters": count, "n_init": 1, "random_state": int(random.integers(2**31))}
    with warnings.catch_warnings():
        # Vectors that are alike leave clusters empty, which is no harm here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if len(vectors) <= WHOLE_UP_TO:
            return KMeans(**settings).fit_predict(vectors)
        # Each mini-batch must have several of each cluster, or centres hardly move.
        return MiniBatchKMeans(**settings, batch_size=max(BATCH, 4 * count)).fit_predict(vectors)
