"""Of a large pool, only texts near to labelled ones are weighed against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tfsocial.selection.contract import Candidates, Strategy

WHOLE_UP_TO = 100_000  # texts
NEAREST = 100  # of each labelled text
AT_ONCE = 1 << 24  # products in memory together, 64 MB


@dataclass(frozen=True)
class Neighbourhood:
    """A strategy that weighs doubts, on the neighbours of labelled texts where the pool is large.

    SEALS: Coleman et al. (2022), Similarity Search for Efficient Active Learning and Search of
    Rare Concepts, arXiv:2007.00077, section 3. Neighbours are exact, by inner products.

    Attributes:
        strategy: one that needs no probabilities sees the whole pool.
        whole_up_to: texts of a pool that is weighed whole.
        nearest: neighbours of each labelled text.
    """

    strategy: Strategy
    whole_up_to: int = WHOLE_UP_TO
    nearest: int = NEAREST

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        whole = len(candidates) <= self.whole_up_to
        if whole or not self.strategy.needs_probabilities or not len(candidates.covered):
            return self.strategy(candidates, n)
        rows = neighbours(candidates.vectors, candidates.covered, self.nearest)
        if len(rows) < n:
            return self.strategy(candidates, n)
        assert candidates.probabilities is not None, "see needs_probabilities"
        near = replace(
            candidates,
            vectors=candidates.vectors[rows],
            probabilities=candidates.probabilities[rows],
        )
        return rows[self.strategy(near, n)]


def neighbours(vectors: np.ndarray, of: np.ndarray, nearest: int) -> np.ndarray:
    """Find the vectors that are among the nearest ones of any of these, int [m], ascending.

    >>> line = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    >>> neighbours(line, line[:1], 2).tolist()
    [0, 1]
    """
    nearest = min(nearest, len(vectors))
    found = np.zeros(len(vectors), bool)
    step = max(1, AT_ONCE // len(vectors))
    for start in range(0, len(of), step):
        products = of[start : start + step] @ vectors.T
        found[np.argpartition(-products, nearest - 1, axis=1)[:, :nearest]] = True
    return np.flatnonzero(found)
