"""How alike items are by what is said of them: the vectors of an encoder, and shared words.

Short titles of a catalogue say a good deal by the very words that they share ("red retrospot"),
which an encoder's vector smooths over; both are kept.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import scipy.sparse

DENSE = 8_000  # items up to which all pairs are kept: 256 MB of float32 at the most
_WORD = re.compile(r"\w+")


class Likeness:
    """Cosines of items by one kind of vectors.

    Args:
        vectors: float32 [n, d], dense or sparse, rows of length 1 or of zeros.
    """

    def __init__(self, vectors: np.ndarray | scipy.sparse.csr_array):
        self.vectors = vectors
        self._pairs = self._products(slice(None)) if vectors.shape[0] <= DENSE else None

    def of(self, items: np.ndarray) -> np.ndarray:
        """Give the cosines of some items to all, float32 [k, n]."""
        return self._products(items) if self._pairs is None else self._pairs[items]

    def neighbours(self, most: int) -> scipy.sparse.csr_array:
        """Give each item its most alike others with positive cosines: [n, n], rows of sum 1."""
        size = self.vectors.shape[0]
        most = min(most, size - 1)
        rows, columns, values = [], [], []
        for begin in range(0, size, 1024):
            own = np.arange(begin, min(begin + 1024, size))
            cosines = self.of(own).copy()
            cosines[np.arange(len(own)), own] = -1.0
            nearest = np.argpartition(-cosines, most - 1, axis=1)[:, :most] if most else own[:, :0]
            rows.append(np.repeat(own, most))
            columns.append(nearest.ravel())
            values.append(np.take_along_axis(cosines, nearest, 1).ravel())
        value = np.maximum(np.concatenate(values), 0.0)
        pairs = scipy.sparse.coo_array(
            (value, (np.concatenate(rows), np.concatenate(columns))), shape=(size, size)
        ).tocsr()
        sums = np.asarray(pairs.sum(1)).ravel()
        return scipy.sparse.csr_array(
            scipy.sparse.diags_array(1 / np.maximum(sums, 1e-9)) @ pairs, dtype=np.float32
        )

    def _products(self, items: np.ndarray | slice) -> np.ndarray:
        products = self.vectors[items] @ self.vectors.T
        return products.toarray() if scipy.sparse.issparse(products) else products


def words(texts: Sequence[str]) -> scipy.sparse.csr_array:
    """Weigh single words and pairs of neighbouring ones by TF-IDF: float32 [n, v], of length 1.

    Those that stand in one text alone are left out: they make nothing alike.
    """
    columns: dict[str, int] = {}
    rows, places = [], []
    for row, text in enumerate(texts):
        found = _WORD.findall(text.casefold())
        terms = {*found, *(" ".join(pair) for pair in itertools.pairwise(found))}
        for term in sorted(terms):
            rows.append(row)
            places.append(columns.setdefault(term, len(columns)))
    own = np.array(places, np.int64)
    counts = np.bincount(own, minlength=max(len(columns), 1))
    weights = np.where(counts > 1, np.log(len(texts) / np.maximum(counts, 1)) + 1.0, 0.0)
    values = weights[own].astype(np.float32)
    matrix = scipy.sparse.coo_array((values, (rows, own)), shape=(len(texts), len(counts))).tocsr()
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
    scaled = scipy.sparse.diags_array(1 / np.maximum(lengths, 1e-9)) @ matrix
    scaled.eliminate_zeros()
    return scipy.sparse.csr_array(scaled, dtype=np.float32)
