"""From what probability on a label of a multilabel task counts, chosen on labelled rows.

A score on the very rows the thresholds were fitted on is too good; `cross_fit_thresholds` gives
each row thresholds that were fitted without it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfsocial.metrics.labelled import OutputSpec, check_probabilities, check_shape, is_labelled

DEFAULT_THRESHOLD = 0.5
FOLDS = 5


def tune_thresholds(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Find per label the threshold with the best F1 on these rows (the dev split, never test).

    Candidates are 0.5 and the midpoints between neighbouring probabilities; of several
    equally good ones the nearest to 0.5 wins, the lower of two as near. A label no row
    carries keeps 0.5. Rare labels overfit: ten positives make no trustworthy threshold.
    (Lipton et al. 2014, Thresholding Classifiers to Maximize F1 Score, arXiv:1402.1892.)

    Args:
        labels: float [n, C] of 0 and 1; rows with NaN are left out.
        predictions: probabilities [n, C].

    Returns:
        float64 [C].

    >>> tune_thresholds(np.array([[1.0], [1.0], [0.0]]), np.array([[0.9], [0.4], [0.2]]))
    array([0.3])
    """
    labels, predictions = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    check_shape("predictions", predictions, labels.shape)
    rows = np.isfinite(labels).all(-1)
    truth, predictions = labels[rows] > 0.5, predictions[rows]
    check_probabilities(predictions)
    return np.array(
        [_best_threshold(truth[:, c], predictions[:, c]) for c in range(labels.shape[1])],
        np.float64,
    )


def cross_fit_thresholds(
    labels: np.ndarray, predictions: np.ndarray, folds: int = FOLDS
) -> np.ndarray:
    """Fit each row's thresholds on the other folds, so that no row is judged by its own label.

    The folds are of equal size and drawn by a fixed seed. (Stone 1974, Cross-Validatory Choice
    and Assessment of Statistical Predictions, J. R. Stat. Soc. B 36.)

    Args:
        labels: float [n, C] of 0 and 1; rows with NaN help to fit nothing.
        predictions: probabilities [n, C].

    Returns:
        float64 [n, C].

    >>> labels, predictions = np.array([[1.0], [1.0]]), np.array([[0.9], [0.2]])
    >>> cross_fit_thresholds(labels, predictions, folds=2)
    array([[0.1], [0.5]])
    """
    fold = np.random.default_rng(0).permutation(len(labels)) % folds
    fitted = np.full(np.shape(labels), DEFAULT_THRESHOLD)
    for number in range(min(folds, len(labels))):
        others = fold != number
        fitted[~others] = tune_thresholds(labels[others], predictions[others])
    return fitted


def split_thresholds(
    labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Give each split the thresholds it is fairly scored at: those of dev, cross-fitted for dev.

    Args:
        labels, predictions: split -> [n, C].

    Returns:
        split -> [C], of dev [n, C]; nothing where there is no dev.
    """
    if "dev" not in labels:
        return {}
    tuned = tune_thresholds(labels["dev"], predictions["dev"])
    fair = cross_fit_thresholds(labels["dev"], predictions["dev"])
    return {split: fair if split == "dev" else tuned for split in labels}


def row_thresholds(
    spec: OutputSpec, labels: np.ndarray, thresholds: np.ndarray | None
) -> np.ndarray:
    """Give the labelled rows their thresholds, [C] or [labelled rows, C]; 0.5 where none are given.

    Raises:
        ValueError: `thresholds` are neither [C] nor [n, C].
    """
    if thresholds is None:
        return np.full(spec.width, DEFAULT_THRESHOLD)
    thresholds = np.asarray(thresholds, np.float64)
    if thresholds.ndim != 2:
        check_shape("thresholds", thresholds, (spec.width,))
        return thresholds
    check_shape("thresholds", thresholds, (len(labels), spec.width))
    return thresholds[is_labelled(spec, np.asarray(labels))]


def _best_threshold(truth: np.ndarray, probabilities: np.ndarray) -> float:
    if not truth.any():
        return DEFAULT_THRESHOLD
    seen = np.append(0.0, np.unique(probabilities))
    candidates = np.append((seen[1:] + seen[:-1]) / 2, DEFAULT_THRESHOLD)
    f1 = _f1_at(candidates, truth, probabilities)
    best = candidates[f1 == f1.max()]
    return min(best, key=lambda threshold: (abs(threshold - DEFAULT_THRESHOLD), threshold))


def _f1_at(thresholds: np.ndarray, truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Compute F1 of `probabilities >= threshold` at each threshold; some row must be positive."""
    said, hits = (
        len(values) - np.searchsorted(np.sort(values), thresholds)
        for values in (probabilities, probabilities[truth])
    )
    return 2 * hits / (said + truth.sum())
