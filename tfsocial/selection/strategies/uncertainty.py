"""Texts that the labels known so far leave in doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tfsocial.selection.contract import Candidates


@dataclass(frozen=True)
class Margin:
    """The smallest lead of the likeliest label over the next: Scheffer et al. (2001).

    Active Hidden Markov Models for Information Extraction; also called breaking ties.
    """

    needs_probabilities: ClassVar[bool] = True

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        return _smallest(margins(_probabilities(candidates)), n)


@dataclass(frozen=True)
class Entropy:
    """The largest entropy of the labels' probabilities; known to lose to chance with many classes.

    Settles (2009), Active Learning Literature Survey, section 3.1.
    """

    needs_probabilities: ClassVar[bool] = True

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        p = _probabilities(candidates)
        return _smallest(np.sum(p * np.log(np.maximum(p, 1e-12)), axis=1), n)


def margins(p: np.ndarray) -> np.ndarray:
    """Subtract the second largest probability from the largest, float [n].

    >>> margins(np.array([[0.5, 0.1, 0.4], [0.0, 1.0, 0.0]])).round(2).tolist()
    [0.1, 1.0]
    """
    two = np.partition(p, p.shape[1] - 2, axis=1)[:, -2:]
    return two[:, 1] - two[:, 0]


def _probabilities(candidates: Candidates) -> np.ndarray:
    assert candidates.probabilities is not None, "see needs_probabilities"
    return candidates.probabilities


def _smallest(values: np.ndarray, n: int) -> np.ndarray:
    return np.argsort(values, kind="stable")[:n]
