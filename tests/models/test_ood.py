"""Scores of scope against numbers worked by hand and sklearn, and what they do to predictions."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, softmax
from sklearn.covariance import EmpiricalCovariance

from tfsocial.models.ood import OODDetector

LOGITS = tf.constant([[[np.log(3.0), 0.0], [0.0, 0.0]]], tf.float32)
POOLED = tf.constant([[[1.0, 2.0], [-1.0, 0.5]]])


def built(by: str) -> OODDetector:
    scope = OODDetector(by, 2, 2, name="topic")
    scope.build(None)
    return scope


@pytest.mark.parametrize(
    ("by", "expected"), [("energy", [np.log(4), np.log(2)]), ("max_probability", [3 / 4, 1 / 2])]
)
def test_scores_by_hand(by, expected):
    """Logits (log 3, 0) and (0, 0)."""
    np.testing.assert_allclose(built(by).score(POOLED, LOGITS), [expected], rtol=1e-6)


def test_mahalanobis_is_sklearns():
    """The smaller of the distances to two means, under one covariance."""
    random = np.random.default_rng(0)
    known = EmpiricalCovariance(assume_centered=True).fit(
        random.normal(size=[50, 2]) @ [[2, 1], [0, 1]]
    )
    means = np.array([[0.0, 1.0], [3.0, -1.0]], np.float32)
    scope = built("mahalanobis")
    scope.means.assign(means)
    scope.precision.assign(known.precision_)
    texts = POOLED.numpy()[0]
    expected = np.min([known.mahalanobis(texts - mean) for mean in means], 0)
    np.testing.assert_allclose(scope.score(POOLED, LOGITS), [-expected], rtol=1e-4)


def test_relative_mahalanobis_is_what_all_texts_do_not_explain():
    """The distance to the nearest class less that to all of train, each by sklearn."""
    random = np.random.default_rng(0)
    of_classes, of_all = (
        EmpiricalCovariance(assume_centered=True).fit(random.normal(size=[50, 2]) @ spread)
        for spread in ([[2, 1], [0, 1]], [[4, 0], [1, 3]])
    )
    means, mean = np.float32([[0, 1], [3, -1]]), np.float32([[1, 0.5]])
    scope = built("relative_mahalanobis")
    scope.means.assign(means)
    scope.precision.assign(of_classes.precision_)
    scope.mean.assign(mean)
    scope.precision_of_all.assign(of_all.precision_)
    texts = POOLED.numpy()[0]
    nearest = np.min([of_classes.mahalanobis(texts - own) for own in means], 0)
    expected = of_all.mahalanobis(texts - mean) - nearest
    np.testing.assert_allclose(scope.score(POOLED, LOGITS), [expected], rtol=1e-4)


def test_before_a_threshold_is_chosen_all_is_in_scope():
    """The last column is 0, the others are the softmax."""
    found = built("energy")(POOLED, LOGITS).numpy()
    np.testing.assert_allclose(found[..., :2], softmax(LOGITS, -1), rtol=1e-6)
    np.testing.assert_array_equal(found[..., 2], [[0, 0]])


def test_probabilities_by_hand():
    """At the threshold one half is out of scope; away from it, the sigmoid of the distance."""
    scope = built("energy")
    scope.threshold.assign(np.log(4))
    scope.slope.assign(3.0)
    found = scope(POOLED, LOGITS).numpy()[0]
    np.testing.assert_allclose(found[0], [3 / 8, 1 / 8, 1 / 2], rtol=1e-5)
    q = expit(3 * (np.log(4) - np.log(2)))
    np.testing.assert_allclose(found[1], [(1 - q) / 2, (1 - q) / 2, q], rtol=1e-5)
    np.testing.assert_allclose(found.sum(-1), [1, 1], rtol=1e-6)
