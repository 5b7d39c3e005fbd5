"""Where angles between weights say how far to go."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from tfsocial.composition.methods.contract import Method, Tensors, weighted_mean

ALIKE = 0.9995  # cosine from which on the arc is a straight line
SMALLEST = 1e-12


@dataclass(frozen=True)
class Slerp(Method):
    """sin((1 - t) a) / sin a theta1 + sin(t a) / sin a theta2, a the angle between the two.

    Shoemake (1985), Animating Rotation with Quaternion Curves, SIGGRAPH; t = w2 / (w1 + w2). Each
    weight is one vector; two that point the same way or opposite ways are averaged.
    """

    least = most = 2

    def merge(self, tensors: Tensors) -> np.ndarray:
        first, second = tensors.runs
        t = tensors.weights[1] / sum(tensors.weights)
        cosine = cosine_between(first, second)
        if abs(cosine) > ALIKE:
            return weighted_mean(tensors.runs, tensors.weights)
        angle = np.arccos(cosine)
        shares = np.sin([(1 - t) * angle, t * angle]) / np.sin(angle)
        return np.float32(shares[0]) * first + np.float32(shares[1]) * second


@dataclass(frozen=True)
class ModelStock(Method):
    """t * mean + (1 - t) theta0, with t = n c / (1 + (n - 1) c) of n runs.

    c is the cosine between two runs' changes of the weight, of more than two the mean over the
    pairs, not below 0. Jang, Yun & Han (2024), Model Stock, arXiv:2403.19522, equation 5.
    """

    least = 2

    def merge(self, tensors: Tensors) -> np.ndarray:
        base, pairs = tensors.base, combinations(tensors.runs, 2)
        cosines = [cosine_between(one - base, other - base) for one, other in pairs]
        cosine = max(float(np.mean(cosines)), 0.0)
        t = len(tensors.runs) * cosine / (1 + (len(tensors.runs) - 1) * cosine)
        mean = weighted_mean(tensors.runs, tensors.weights)
        return np.float32(t) * mean + np.float32(1 - t) * tensors.base


def cosine_between(one: np.ndarray, other: np.ndarray) -> float:
    """Compute the cosine of two arrays as vectors; 0 where one has no length.

    >>> cosine_between(np.float32([[3, 0]]), np.float32([[3, 4]]))
    0.6
    """
    product, lengths = 0.0, [0.0, 0.0]
    # By rows: a whole word table in float64 would take as much again.
    for a, b in zip(np.atleast_2d(one), np.atleast_2d(other), strict=True):
        a, b = a.astype(np.float64), b.astype(np.float64)
        product += np.vdot(a, b)
        lengths[0] += np.vdot(a, a)
        lengths[1] += np.vdot(b, b)
    length = np.sqrt(lengths[0]) * np.sqrt(lengths[1])
    return float(np.clip(product / length, -1, 1)) if length > SMALLEST else 0.0
