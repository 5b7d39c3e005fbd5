"""How sure it is that the best answer is the right one, as a probability that keeps its promise.

Logistic regression on a few numbers of the ranking. What nobody has an answer for is made from
what is known: a question with its own answer left out of the base has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize

from tfsocial.apps.support.fusion import best
from tfsocial.apps.support.index import PARTS

FEATURES = ("top", "margin", *PARTS, "agreement")
AGREEING = 4  # parts that are asked whether they agree: all but the classifiers
DECAY = 1.0  # L2 of the weights of features of variance 1, beside a sum over examples
UNKNOWN = 0.2  # share of questions that nobody has an answer for, where nothing else is said


@dataclass(frozen=True)
class Confidence:
    """Probability that the top answer is right.

    Attributes:
        weights: of the features, and the constant last.
        mean, deviation: of the features, when it was fitted.
    """

    weights: tuple[float, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Give the probability of each row, [m] from [m, 9]."""
        scaled = (features - np.array(self.mean)) / np.array(self.deviation)
        return _logistic(scaled @ np.array(self.weights[:-1]) + self.weights[-1])


# Without questions to fit it on: a cosine of 0.8 with a margin of 0.2 is a 9 in 10 (by hand, and
# the page says that it is not measured).
_OTHERS = (0.0,) * (len(FEATURES) - 2)
BY_HAND = Confidence((1.5, 1.0, *_OTHERS, 0.0), (0.7, 0.1, *_OTHERS), (0.1,) * len(FEATURES))


def features_of(parts: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """Say in numbers how clear a ranking is, [9].

    Args:
        parts: [n, 6]; n at least 1.
        fused: [n].
    """
    order = best(fused, 2)
    top = order[0]
    second = fused[order[1]] if len(order) > 1 else 0.0
    agreement = float(np.mean([column.argmax() == top for column in parts[:, :AGREEING].T]))
    return np.array([fused[top], fused[top] - second, *parts[top], agreement], np.float64)


def fitted(features: np.ndarray, right: npt.ArrayLike, weights: npt.ArrayLike) -> Confidence:
    """Fit it.

    Args:
        features: [m, 8].
        right: whether the top answer was right.
        weights: of each example, as to have as many unknown questions as are expected.
    """
    target, importance = np.array(right, float), np.array(weights, float)
    mean = np.average(features, axis=0, weights=importance)
    spread = np.average((features - mean) ** 2, axis=0, weights=importance)
    deviation = np.where(spread > 1e-12, np.sqrt(spread), 1.0)
    scaled = np.concatenate([(features - mean) / deviation, np.ones((len(features), 1))], -1)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = scaled @ values
        penalty = np.append(values[:-1], 0.0)
        per_example = np.logaddexp(0.0, logits) - target * logits
        slope = scaled.T @ (importance * (_logistic(logits) - target))
        return float(importance @ per_example + DECAY * penalty @ penalty / 2), (
            slope + DECAY * penalty
        )

    start = np.zeros(scaled.shape[1])
    found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x
    return Confidence(tuple(map(float, found)), tuple(mean.tolist()), tuple(deviation.tolist()))


def threshold(
    probabilities: np.ndarray, right: npt.ArrayLike, weights: npt.ArrayLike, precision: float
) -> float:
    """Give the least probability from which on answers are as often right as is asked for.

    Returns:
        Above 1 where no probability is enough.

    >>> threshold(np.array([0.9, 0.8, 0.7, 0.2]), [True, True, False, True], [1] * 4, 0.95)
    0.8
    """
    order = np.argsort(-probabilities, kind="stable")
    importance = np.array(weights, float)[order]
    shares = np.cumsum(importance * np.array(right, float)[order]) / np.cumsum(importance)
    sorted_ones = probabilities[order]
    last = np.append(sorted_ones[1:] < sorted_ones[:-1], True)  # equals are answered together
    enough = np.flatnonzero((shares >= precision) & last)
    return float(sorted_ones[enough[-1]]) if len(enough) else 1.01


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(values, -500, 500)))
