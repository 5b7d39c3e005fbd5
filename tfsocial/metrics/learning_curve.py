"""How many answers are right with so many labels, and with more of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEEPEST, FLATTEST = -1.2, -0.05  # slopes of the error over the number of labels, both logarithms
DRAWS = 200  # of the band


@dataclass(frozen=True)
class LearningCurve:
    """Expected accuracy by the number of labels.

    Beyond the labels there are the error falls as a power of their number (Hestness et al., 2017,
    Deep Learning Scaling is Predictable, Empirically, arXiv:1712.00409, equation 1).

    Attributes:
        sizes: labels that there were, int [points], ascending.
        accuracy: at these, float [points].
        slope: of log error over log size.
        drawn: what accuracy and slope may as well be, float [draws, 2]: the band is made of it.
    """

    sizes: np.ndarray
    accuracy: np.ndarray
    slope: float
    drawn: np.ndarray

    @classmethod
    def of(cls, sizes: np.ndarray, accuracy: np.ndarray) -> LearningCurve:
        """Fit a curve; a point is as uncertain as so many labels, held out, would leave it."""
        right, wrong = 1 + accuracy * sizes, 1 + (1 - accuracy) * sizes
        levels = np.random.default_rng(0).beta(right, wrong, (DRAWS, len(sizes)))
        slopes = [_slope(sizes, one) for one in levels]
        return cls(
            sizes, accuracy, _slope(sizes, accuracy), np.stack([levels[:, -1], slopes], axis=1)
        )

    def at(self, labels: int) -> tuple[float, float, float]:
        """Give the expected accuracy with so many labels, and a band that holds it 8 times of 10.

        >>> curve = LearningCurve.of(np.array([50, 100]), np.array([0.6, 0.8]))
        >>> middle, low, high = curve.at(200)
        >>> round(middle, 2), low < middle < high
        (0.9, True)
        """
        times = labels / self.sizes[-1]
        errors = (1 - self.drawn[:, 0]) * times ** self.drawn[:, 1]
        low, high = np.quantile(errors, (0.1, 0.9))
        middle = (1 - self.accuracy[-1]) * times**self.slope
        return float(1 - middle), float(1 - high), float(1 - low)


def _slope(sizes: np.ndarray, accuracy: np.ndarray) -> float:
    errors = np.log(np.maximum(1 - accuracy, 1e-3))
    return float(np.clip(np.polyfit(np.log(sizes), errors, 1)[0], STEEPEST, FLATTEST))
