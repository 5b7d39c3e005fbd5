"""Calibration by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from tfsocial.metrics.calibration import (
    calibration,
    certainty_scores,
    error_if_calibrated,
    likelihood_scores,
)
from tfsocial.metrics.label_sets import fit_threshold, label_set_scores


def test_a_bin_holds_its_upper_edge():
    bins = calibration(np.array([0, 0, 0]), np.array([[0.5, 0.5], [0.51, 0.49], [1, 0]]), 2)
    assert bins.counts.tolist() == [1, 2]
    assert bins.confidence.tolist() == pytest.approx([0.5, 0.755])
    assert bins.accuracy.tolist() == [1, 1]


def test_calibration_over_nothing():
    assert calibration(np.array([-1]), np.array([[0.5, 0.5]])).error == 0


@given(arrays.arrays(np.float64, (12, 3), elements=st.floats(0, 1)), st.integers(0, 2))
@settings(deadline=None)
def test_calibration_error_lies_between_0_and_1(weights, truth):
    bins = calibration(np.full(12, truth), weights)
    assert 0 <= bins.error <= 1
    assert bins.counts.sum() == 12


def test_chance_alone_makes_an_error():
    """Of five rows 0.9 sure: mean of |k / 5 - 0.9|, k binomial, is 0.118; of many it is small."""
    few = error_if_calibrated(np.zeros(5, int), np.tile([[0.9, 0.1]], (5, 1)), draws=20_000)
    assert few == pytest.approx(0.118, abs=0.002)
    many = error_if_calibrated(np.zeros(50_000, int), np.tile([[0.9, 0.1]], (50_000, 1)))
    assert many < 0.002
    assert error_if_calibrated(np.array([-1]), np.array([[0.9, 0.1]])) == 0


def test_likelihoods_by_hand_and_by_scikit_learn():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(4), 50)
    labels = random.integers(0, 4, 50)
    scores = likelihood_scores([*labels, -1], [*probabilities, [1, 0, 0, 0]])
    assert scores["nll"] == pytest.approx(metrics.log_loss(labels, probabilities))
    truth = np.eye(4)[labels]
    assert scores["brier"] == pytest.approx(np.sum((probabilities - truth) ** 2, -1).mean())
    assert np.isfinite(likelihood_scores([0], [[0.0, 1.0]])["nll"])


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_label_sets_hold_the_right_label_as_often_as_promised(coverage):
    """Of rows that were drawn alike, whatever the model: this one is far too sure."""
    random = np.random.default_rng(0)
    truth = random.dirichlet(np.ones(5), 40_000)
    labels = (truth.cumsum(-1) > random.random((40_000, 1))).argmax(-1)
    model = truth**3 / np.sum(truth**3, -1, keepdims=True)
    threshold = fit_threshold(labels[:20_000], model[:20_000], coverage)
    scores = label_set_scores(labels[20_000:], model[20_000:], threshold)
    assert scores["label_set_coverage"] == pytest.approx(coverage, abs=0.01)
    assert 1 < scores["label_set_size"] < 5


def test_too_few_rows_promise_nothing():
    """Nine texts cannot show that nine of ten are right, so every label is in every set."""
    rows = np.tile([[0.9, 0.1]], (9, 1))
    assert fit_threshold(np.zeros(8, int), rows[:8]) == 0
    assert fit_threshold(np.zeros(9, int), rows) == 0.9
    assert fit_threshold(np.full(9, -1), rows) == 0


def test_sets_are_scored_where_the_model_has_their_threshold():
    rows = np.array([[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])
    without = certainty_scores(np.array([0, 1, 0]), rows, None)
    assert set(without) == {"ece_if_calibrated", "nll", "brier"}
    scores = certainty_scores(np.array([0, 1, 0]), rows, 0.6)
    assert scores["label_set_coverage"] == pytest.approx(1 / 3)
    assert (scores["label_set_size"], scores["label_set_empty"]) == pytest.approx((2 / 3, 1 / 3))
