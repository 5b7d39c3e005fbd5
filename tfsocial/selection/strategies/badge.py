"""BADGE: a batch of texts that are in doubt, each for another reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tfsocial.selection.contract import Candidates


@dataclass(frozen=True)
class Badge:
    """k-means++ over the gradients that the likeliest labels would send into the last layer.

    Ash et al. (2020), Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds,
    arXiv:1906.03671, algorithm 1. A gradient is (p - onehot) x vector, whose products need no
    more than those of its two factors, so that it is never written out.
    """

    needs_probabilities: ClassVar[bool] = True

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        assert candidates.probabilities is not None, "see needs_probabilities"
        x, n = candidates.vectors, min(n, len(candidates))
        errors = candidates.probabilities.copy()
        errors[np.arange(len(errors)), errors.argmax(1)] -= 1
        chosen = [int(lengths(errors, x).argmax())] if n else []
        nearest = np.full(len(x), np.inf)
        while len(chosen) < n:
            last = chosen[-1]
            nearest = np.minimum(nearest, squares(errors, x, last))
            nearest[chosen] = 0
            chosen.append(_drawn(nearest, chosen, candidates.random))
        return np.array(chosen, np.int64)


def lengths(errors: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Give the squared lengths of gradients errors x vectors, float [n]."""
    return np.einsum("nc,nc->n", errors, errors) * np.einsum("nh,nh->n", x, x)


def squares(errors: np.ndarray, x: np.ndarray, row: int) -> np.ndarray:
    """Give the squared distances of all gradients to one of them, float [n].

    Args:
        errors: p - onehot, float [n, classes].
        x: vectors, float [n, hidden].
    """
    inner = (errors @ errors[row]) * (x @ x[row])
    own = lengths(errors, x)
    return np.maximum(own + own[row] - 2 * inner, 0)


def _drawn(squares: np.ndarray, chosen: list[int], random: np.random.Generator) -> int:
    """Draw in proportion to the squared distances; of what is left where all are 0."""
    total = squares.sum()
    if total > 0:
        return int(random.choice(len(squares), p=squares / total))
    return int(random.choice(np.setdiff1d(np.arange(len(squares)), chosen)))
