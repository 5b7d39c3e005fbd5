"""Where scope ends: what a score must fall below to be out of it, chosen on dev."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from scipy import special
from sklearn.covariance import empirical_covariance, ledoit_wolf_shrinkage, shrunk_covariance
from sklearn.linear_model import LogisticRegression

from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.models import inference
from tfsocial.models.inference import BeforePredictions
from tfsocial.models.ood import OODDetector
from tfsocial.models.spec import NEVER
from tfsocial.models.text_model import TextModel

log = logging.getLogger(__name__)

CANDIDATES = 400
DEFAULT_RECALL = 0.95  # of dev's examples in scope, where dev has none out of it


def fit(
    text_model: TextModel,
    train_batches: tf.data.Dataset,
    dev_outputs: BeforePredictions,
    encoded: Mapping[str, TokenizedSplit],
    min_recalls: Mapping[str, float | None],
) -> None:
    """Fit what each task that tells scope by score needs: train's statistics, dev's threshold.

    Args:
        encoded: the splits train and dev.
        min_recalls: task that tells scope by score -> share of dev's examples in scope that must
            pass; None: no such demand.
    """
    for task, min_recall in min_recalls.items():
        detector = text_model.heads.ood_detectors[task]
        labels = {split: encoded[split].labels[task].numpy() for split in ("train", "dev")}
        if detector.measures_distances:
            _remember(detector, inference.embed(text_model, train_batches), labels["train"])
        logits = text_model.calibrated(task, dev_outputs.logits[task])
        scores = detector.score(dev_outputs.pooled, logits).numpy()
        inside = tf.nn.softmax(logits).numpy()
        known = labels["dev"] >= 0
        dev = scores[known], inside[known], labels["dev"][known]
        slope, threshold = slope_and_threshold(*dev, min_recall)
        if threshold == NEVER:
            log.warning(
                "%s: no threshold of %s lets %g of dev's examples in scope pass, so nothing is "
                "refused; another ood_detector may tell them apart",
                *(task, detector.by, min_recall),
            )
        detector.slope.assign(slope)
        detector.threshold.assign(threshold)
        log.info("%s: out of scope below %s %.4g, chosen on dev", task, detector.by, threshold)


def _remember(detector: OODDetector, vectors: np.ndarray, labels: np.ndarray) -> None:
    """Put what train looks like into a detector, as far as the score asks."""
    vectors, labels = vectors[labels >= 0], labels[labels >= 0]
    means, precision, shrinkage = class_statistics(vectors, labels, detector.classes)
    detector.means.assign(means)
    detector.precision.assign(precision)
    if detector.by == "relative_mahalanobis":
        # Shrunk alike: the difference of two distances of other scales can tell the reverse.
        one_class = np.zeros_like(labels)
        mean, precision, _ = class_statistics(vectors, one_class, 1, shrinkage)
        detector.mean.assign(mean)
        detector.precision_of_all.assign(precision)


def class_statistics(
    vectors: np.ndarray, labels: np.ndarray, classes: int, shrinkage: float | None = None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Compute means [classes, hidden], inverse covariance [hidden, hidden] and shrinkage.

    The covariance is shrunk, as given or by Ledoit & Wolf (2004), Journal of Multivariate
    Analysis 88: with fewer examples than dimensions it has no inverse. A class without examples
    lies at infinity.

    Args:
        vectors: float32 [n, hidden].
        labels: int [n].

    Returns:
        Two float32 arrays and the shrinkage, between 0 and 1.
    """
    one_hot = np.eye(classes)[labels]
    counts = one_hot.sum(0)
    means = one_hot.T @ vectors / np.maximum(counts, 1)[:, None]
    centred = vectors - means[labels]
    if shrinkage is None:
        shrinkage = ledoit_wolf_shrinkage(centred, assume_centered=True)
    empirical = empirical_covariance(centred, assume_centered=True)
    precision = np.linalg.inv(shrunk_covariance(empirical, shrinkage))
    means[counts == 0] = 1e3 * np.abs(vectors).max()
    return means.astype(np.float32), precision.astype(np.float32), float(shrinkage)


def slope_and_threshold(
    scores: np.ndarray, inside: np.ndarray, labels: np.ndarray, min_recall: float | None = None
) -> tuple[float, float]:
    """Choose slope and threshold for the scores of a detector.

    The slope is that of a balanced logistic regression (Platt scaling). The threshold is the
    one with which the mean of in-scope accuracy and out-of-scope recall is highest, as answers
    are given: by the likeliest column; or the highest that lets the share `min_recall` of the
    examples in scope pass. Where no example is out of scope (label `classes`), it lets 95 % of
    them pass, or that share, and the slope is four over the scores' deviation. Some are in scope.

    Args:
        scores: float32 [n].
        inside: float32 [n, classes], the classes' probabilities.
        labels: int [n].
    """
    outside = labels == inside.shape[1]
    spread = max(float(np.std(scores)), 1e-6)
    if not outside.any():
        slope, recall = 4 / spread, DEFAULT_RECALL if min_recall is None else min_recall
        return slope, _letting_pass(scores, inside, slope, recall)
    standard = (scores - scores.mean()) / spread
    fitted = LogisticRegression(class_weight="balanced").fit(standard[:, None], ~outside)
    slope = max(float(fitted.coef_[0, 0]), 1e-3) / spread
    candidates = np.unique(np.quantile(scores, np.linspace(0, 1, CANDIDATES)))
    if min_recall is not None:
        refused = [_refused(scores, inside, slope, candidate) for candidate in candidates]
        pass_enough = [(~said[~outside]).mean() >= min_recall for said in refused]
        # Higher ones let fewer pass; a score that does not tell may let too few pass at any.
        return slope, float(candidates[sum(pass_enough) - 1]) if any(pass_enough) else NEVER
    worth = [_worth(scores, inside, labels, slope, candidate) for candidate in candidates]
    return slope, float(candidates[int(np.argmax(worth))])


def _letting_pass(scores, inside, slope: float, share: float) -> float:
    """Find a threshold that lets this share of the examples pass, half-way to the next one's."""
    falls = np.sort(scores + np.log(inside.max(-1)) / slope)  # refused from which threshold on
    refused = int((1 - share) * len(falls) + 1e-9)
    below = falls[refused - 1] if refused else falls[0] - 1 / slope
    return float(below + falls[refused]) / 2 if refused < len(falls) else float(falls[-1])


def _worth(scores, inside, labels, slope: float, threshold: float) -> float:
    """Average in-scope accuracy and out-of-scope recall."""
    said_outside = _refused(scores, inside, slope, threshold)
    outside = labels == inside.shape[1]
    right = ~said_outside & (inside.argmax(-1) == labels)
    return float(right[~outside].mean() + said_outside[outside].mean()) / 2


def _refused(scores, inside, slope: float, threshold: float) -> np.ndarray:
    """Say where out of scope is the likeliest column, bool [n]."""
    q = special.expit(slope * (threshold - scores))
    return q >= inside.max(-1) * (1 - q)
