"""Whether a classification is right as often as it says it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfsocial.metrics.label_sets import label_set_scores

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


def error_if_calibrated(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = CALIBRATION_BINS, draws: int = 100
) -> float:
    """Estimate the error that these rows would show were every probability right.

    It is not 0: of few rows in a bin the share that is right is off by chance. An error is read
    beside this one. Mean over draws of which rows are right, each with its confidence.

    Args:
        labels: int [n], -1 where unlabelled.
        probabilities: [n, C].
    """
    confidence = np.asarray(probabilities, np.float64)[np.asarray(labels) >= 0].max(-1)
    if not len(confidence):
        return 0.0
    bin_of = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    promised = np.bincount(bin_of, confidence, bins)
    random = np.random.default_rng(0)
    gaps = [
        np.abs(np.bincount(bin_of, random.random(len(confidence)) < confidence, bins) - promised)
        for _ in range(draws)
    ]
    return float(np.mean(np.sum(gaps, -1)) / len(confidence))


def likelihood_scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Score all probabilities, not the likeliest class's alone; both are better the lower.

    nll: mean of -log p of the right class. brier: mean over rows of sum_c (p_c - [c is right])^2,
    Brier (1950), Verification of Forecasts, between 0 and 2.

    Args:
        labels: int [n], -1 where unlabelled; one at least is labelled.
        probabilities: [n, C].

    >>> likelihood_scores(np.array([0]), np.array([[0.5, 0.5]]))["brier"]
    0.5
    """
    known = np.asarray(labels) >= 0
    labels, probabilities = np.asarray(labels)[known], np.asarray(probabilities, np.float64)[known]
    right = probabilities[np.arange(len(labels)), labels]
    # sum p^2 - 2 p_right + 1, without an array of truths
    brier = np.sum(probabilities**2, -1) - 2 * right + 1
    least = np.finfo(np.float32).tiny  # what the model computes in has no smaller number
    return {"nll": float(-np.mean(np.log(np.maximum(right, least)))), "brier": float(brier.mean())}


def certainty_scores(
    labels: np.ndarray, probabilities: np.ndarray, label_set_threshold: float | None
) -> dict[str, float]:
    """Tell whether the probabilities of a classification mean what they say, beside its `ece`.

    Args:
        labels: int [n], -1 where unlabelled; one at least is labelled.
        probabilities: [n, C].
        label_set_threshold: see `metrics.label_sets`; None: nothing is said of them.
    """
    said = {"ece_if_calibrated": error_if_calibrated(labels, probabilities)}
    said |= likelihood_scores(labels, probabilities)
    if label_set_threshold is not None:
        said |= label_set_scores(labels, probabilities, label_set_threshold)
    return said
