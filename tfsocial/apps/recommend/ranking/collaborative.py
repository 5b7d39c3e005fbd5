"""What the purchases of many say of items that go together, fitted on a log.

* EASE: Steck 2019, Embarrassingly Shallow Autoencoders for Sparse Data (closed form);
* the same with other targets: not what somebody has, but what they bought lately;
* ALS: Hu, Koren & Volinsky 2008, Collaborative Filtering for Implicit Feedback Datasets, with the
  folding-in of a person by its equation 4.

Each scores all its columns from one person's live tastes, so a deed counts at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
import threadpoolctl

from tfsocial import extras
from tfsocial.apps.recommend.ranking.deeds import BOUGHT, DAY, Deeds
from tfsocial.apps.recommend.ranking.settings import Settings

ITERATIONS = 12  # of ALS
SEED = 20_191_013


@dataclass(frozen=True)
class Collaborative:
    """Fitted matrices over m columns, each an item that was bought before.

    Attributes:
        names: of the columns.
        ease, lately: float32 [m, m], what the row of an item adds to the score of the others.
        factors: float32 [m, f], of ALS; penalty, confidence: as it was fitted.
        purchases: float32 [m], how often each was bought.
        buyers: float32 [m], mean logarithm of how many items the buyers of an item have.
    """

    names: tuple[str, ...]
    ease: np.ndarray
    lately: np.ndarray
    factors: np.ndarray
    penalty: float
    confidence: float
    purchases: np.ndarray
    buyers: np.ndarray

    def taste(self, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Fold somebody in: their factors, float32 [f]."""
        own = self.factors[columns]
        gram = self.factors.T @ self.factors + self.penalty * np.eye(own.shape[1])
        gram = gram + (own.T * (self.confidence * weights)) @ own
        target = (1 + self.confidence * weights) @ own
        return scipy.linalg.solve(gram, target, assume_a="pos").astype(np.float32)


def fitted(deeds: Deeds, names: tuple[str, ...], at: float, settings: Settings) -> Collaborative:
    """Fit on all purchases of a log; the columns are the items most bought.

    Args:
        names: of the items of the catalogue.
        at: seconds since 1970, the time that is now.
    """
    bought = deeds.of_kind(BOUGHT).firsts()
    counts = np.bincount(bought.item, minlength=len(names))
    kept = np.sort(np.argsort(-counts, kind="stable")[: settings.columns])
    kept = kept[counts[kept] > 0]
    column = np.full(len(names), -1)
    column[kept] = np.arange(len(kept))
    bought = bought[column[bought.item] >= 0]
    rows = np.unique(bought.user, return_inverse=True)[1]
    places = (rows, column[bought.item])
    matrix = _matrix(np.ones(len(rows), np.float32), places, len(kept))
    age = (at - bought.time) / DAY
    late = _matrix(np.exp2(-age / settings.half_life).astype(np.float32), places, len(kept))
    sizes = np.log1p(np.asarray(matrix.sum(1)).ravel())
    purchases = np.asarray(matrix.sum(0)).ravel()
    return Collaborative(
        tuple(names[item] for item in kept),
        *autoencoders(matrix, late, settings.ease_penalty),
        als(matrix, settings),
        settings.als_penalty,
        settings.als_confidence,
        purchases,
        np.asarray(sizes @ matrix / np.maximum(purchases, 1), np.float32),
    )


def _matrix(
    values: np.ndarray, places: tuple[np.ndarray, np.ndarray], width: int
) -> scipy.sparse.csr_array:
    height = int(places[0].max(initial=-1)) + 1
    return scipy.sparse.coo_array((values, places), shape=(height, width)).tocsr()


def autoencoders(
    matrix: scipy.sparse.csr_array, targets: scipy.sparse.csr_array, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give the item weights of two linear models without a diagonal, float32 [m, m] each.

    The first gives somebody's items back (EASE), the second gives the targets from them.

    Args:
        matrix, targets: [users, m].
        penalty: L2 of the weights.
    """
    gram = (matrix.T @ matrix).toarray().astype(np.float64)
    gram[np.diag_indices_from(gram)] += penalty
    precision = _inverse(gram).astype(np.float32)
    own = np.diag(precision).copy()
    # Both are P C - P diag(mu), with the mu that makes the diagonal 0.
    other = precision @ (matrix.T @ targets).toarray()
    other -= precision * (np.diag(other) / own)
    precision /= -own
    np.fill_diagonal(precision, 0.0)
    np.fill_diagonal(other, 0.0)
    return precision, other


def _inverse(positive: np.ndarray) -> np.ndarray:
    """Invert a symmetric positive definite matrix; three times as fast as a general inverse."""
    factor, _ = scipy.linalg.lapack.dpotrf(positive, lower=False, overwrite_a=True)
    half, _ = scipy.linalg.lapack.dpotri(factor, lower=False, overwrite_c=True)
    upper = np.triu(half)
    return upper + np.triu(upper, 1).T


def als(matrix: scipy.sparse.csr_array, settings: Settings) -> np.ndarray:
    """Give the item factors, float32 [m, f]."""
    implicit = extras.library("implicit.cpu.als", "implicit", "apps", "the recommender")
    with threadpoolctl.threadpool_limits(1, "blas"):  # threads of BLAS would wait for each other
        model = implicit.AlternatingLeastSquares(
            factors=settings.als_factors,
            regularization=settings.als_penalty,
            alpha=settings.als_confidence + 1.0,  # its confidence is 1 + (alpha - 1) of a 1
            iterations=ITERATIONS,
            num_threads=1,
            random_state=SEED,
        )
        model.fit(scipy.sparse.csr_matrix(matrix), show_progress=False)
    return np.asarray(model.item_factors, np.float32)
