"""Whether a classification is right as often as it says it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

CALIBRATION_BINS = 15


class Calibration(NamedTuple):
    """Bins of equal width over confidence: counts, mean confidence and accuracy, each [bins].

    The means of an empty bin are 0, and so is the error over no example at all.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: sum_b count_b / n |accuracy_b - confidence_b|."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(self.counts @ gaps / max(self.counts.sum(), 1))


def calibration(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = CALIBRATION_BINS
) -> Calibration:
    """Count how often the likeliest class is right, binned by its probability.

    Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599, section 2:
    bin b of B holds the confidences in ((b - 1) / B, b / B].

    Args:
        labels: int [n], -1 where unlabelled.
        probabilities: [n, C].

    >>> calibration(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]]), bins=2).error
    0.25
    """
    rows = np.asarray(labels) >= 0
    probabilities = np.asarray(probabilities, np.float64)[rows]
    confidence = probabilities.max(-1)
    right = probabilities.argmax(-1) == np.asarray(labels)[rows]
    bin_of = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    count = np.bincount(bin_of, minlength=bins)
    sums = (np.bincount(bin_of, values, bins) for values in (confidence, right))
    return Calibration(count, *(total / np.maximum(count, 1) for total in sums))
