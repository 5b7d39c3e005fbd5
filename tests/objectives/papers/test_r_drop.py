"""R-Drop against scipy's relative entropy and numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit, rel_entr, softmax

from tfsocial.objectives.papers.r_drop import RDrop
from tfsocial.text import batch as keys


@pytest.fixture
def passes(fake_step, fake_outputs):
    """A step whose two passes gave these logits [rows, slots, width]."""

    def make(first, second, kind="classify"):
        batch = {keys.WEIGHT: tf.ones(np.shape(first)[:2])}
        outputs, again = fake_outputs(first), fake_outputs(second)
        return fake_step(batch, outputs, second=again, kinds={"topic": kind})

    return make


@pytest.fixture
def two_logits():
    random = np.random.default_rng(3)
    return random.normal(size=[2, 3, 4, 5]) * 2  # two passes of [3, 4, 5]


def symmetric_entropy(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1/2 (KL(p || q) + KL(q || p)), summed over the last axis."""
    return (rel_entr(first, second) + rel_entr(second, first)).sum(-1) / 2


def test_by_hand(passes):
    """p = (1/2, 1/2), q = (3/4, 1/4): half of 1/4 log 3 is what the two are apart."""
    step = passes([[[0.0, 0.0]]], [[[math.log(3), 0.0]]])
    loss, mask = RDrop("topic")(step)
    # KL(p||q) = log 2 - log(3)/2, KL(q||p) = 3/4 log 3 - log 2; half their sum is log(3) / 8.
    np.testing.assert_allclose(loss, [[math.log(3) / 8]], rtol=1e-6)
    np.testing.assert_array_equal(mask, [[1]])


def test_is_scipys_relative_entropy(passes, two_logits):
    """Classes: the KL of the softmaxes, both ways."""
    loss, _ = RDrop("topic")(passes(*two_logits))
    expected = symmetric_entropy(*(softmax(logits, -1) for logits in two_logits))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_multilabel_is_the_sum_over_bernoullis(passes, two_logits):
    """Labels: the KL of each label's two outcomes, summed over the labels."""
    loss, _ = RDrop("topic")(passes(*two_logits, kind="multilabel"))
    outcomes = (np.stack([expit(logits), expit(-logits)], -1) for logits in two_logits)
    expected = symmetric_entropy(*outcomes).sum(-1)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_is_zero_for_equal_passes_and_symmetric(passes, two_logits, kind):
    """It does not matter which pass came first, and equal passes agree."""
    first, second = two_logits
    forth, _ = RDrop("topic")(passes(first, second, kind))
    back, _ = RDrop("topic")(passes(second, first, kind))
    same, _ = RDrop("topic")(passes(first, first, kind))
    np.testing.assert_allclose(forth, back, rtol=1e-6)
    np.testing.assert_array_equal(same, np.zeros([3, 4]))


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_certain_passes_stay_finite(passes, kind):
    """Two certain and opposite passes are apart by a finite number."""
    loss, _ = RDrop("topic")(passes([[[1e4, -1e4]]], [[[-1e4, 1e4]]], kind))
    np.testing.assert_allclose(loss, [[2e4]])


def test_needs_no_labels(passes):
    """Every example with weight counts."""
    step = passes(np.zeros([1, 2, 3]), np.ones([1, 2, 3]))
    step.batch[keys.WEIGHT] = tf.constant([[1.0, 0.0]])
    np.testing.assert_array_equal(RDrop("topic")(step).mask, [[1, 0]])


def test_real_dropout_makes_it_positive(bench, batch):
    """Two training passes over a text differ."""
    loss, mask = RDrop("topic")(bench.dropout_step(batch))
    assert np.all(loss[mask > 0] > 0)
