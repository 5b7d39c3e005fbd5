"""The discrepancy of vectors: by hand, by its promise, and beside scikit-learn's kernel."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from tfsocial.metrics import embedding_drift


def vectors(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Three heaps, as texts of three things are."""
    source = np.random.default_rng(seed)
    centres = np.eye(16)[source.integers(0, 3, count)] * 2
    return centres + 0.5 * source.normal(size=[count, 16]) + shift


@pytest.fixture(scope="module")
def summary():
    return embedding_drift.features(vectors(800, 0))


def test_it_is_json(summary):
    assert json.loads(json.dumps(summary)) == summary
    assert len(summary["features"]) == 2 * embedding_drift.FREQUENCIES


def test_few_rows_say_nothing():
    assert embedding_drift.features(vectors(49, 0)) is None


def test_it_is_near_the_kernels_own_value(summary):
    """By all pairs, with scikit-learn's kernel; 128 frequencies are good to a few hundredths."""
    reference, sample = vectors(800, 0), vectors(400, 1, shift=0.6)
    mean, std = np.array(summary["mean"]), np.array(summary["std"])
    one, other = ((rows - mean) / std for rows in (reference, sample))
    gamma = summary["gamma"]
    exact = (
        rbf_kernel(one, one, gamma).mean()
        + rbf_kernel(other, other, gamma).mean()
        - 2 * rbf_kernel(one, other, gamma).mean()
    )
    found = embedding_drift.discrepancy(
        summary, embedding_drift.mean_features(summary, sample), 400, 800
    ) * (1 / 400 + 1 / 800)
    assert found == pytest.approx(exact, rel=0.2)


@pytest.mark.parametrize("rows", [100, 400])
def test_false_alarms_are_as_rare_as_promised(summary, rows):
    """Two hundred windows of the same source at 5 %; ten are expected."""
    limit = embedding_drift.threshold(summary, 0.05)
    alarms = 0
    for seed in range(200):
        mean = embedding_drift.mean_features(summary, vectors(rows, 100 + seed))
        alarms += embedding_drift.discrepancy(summary, mean, rows, 800) > limit
    assert alarms <= 24  # four standard deviations and a half above; the reference's own chance too


def test_a_shift_is_seen(summary):
    limit = embedding_drift.threshold(summary, 0.01)
    for seed in range(20):
        mean = embedding_drift.mean_features(summary, vectors(400, 300 + seed, shift=0.25))
        assert embedding_drift.discrepancy(summary, mean, 400, 800) > limit
