"""Supervised contrastive learning against its formula written as two loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.papers.supervised_contrastive import SupervisedContrastive
from tfsocial.text import batch as keys

ROWS, SLOTS, HIDDEN = 3, 4, 6


def by_loops(views, labels, ids, temperature):
    """Equation 2 for each anchor of the first view: (loss, number of partners), numpy float64.

    Args:
        views: list of [n, hidden]; anchors are the first, later ones only partners.
        labels: [n], -1 where an example takes no part.
        ids: [n]; equal ids are the same example, and no partners of one view.
    """
    directions = [view / np.linalg.norm(view, axis=-1, keepdims=True) for view in views]
    losses, partners = np.zeros(len(labels)), np.zeros(len(labels))
    for i, anchor in enumerate(directions[0]):
        shares, positive = [], []
        for number, view in enumerate(directions):
            for a, other in enumerate(view):
                if labels[a] < 0 or (number == 0 and ids[a] == ids[i]):
                    continue
                shares.append(math.exp(anchor @ other / temperature))
                positive.append(labels[a] == labels[i])
        if labels[i] >= 0 and any(positive):
            partners[i] = sum(positive)
            logs = np.log(np.array(shares) / sum(shares))
            losses[i] = -logs[np.array(positive)].sum() / partners[i]
    return losses, partners


@pytest.fixture
def contrast(fake_step, fake_outputs):
    """(loss, mask) of an objective on flat vectors, labels, weights and ids; one row."""

    def make(objective, vectors, labels, weight=None, ids=None, second=None):
        count = len(labels)
        batch = {
            keys.label_key("topic"): tf.constant([labels], tf.int32),
            keys.WEIGHT: tf.constant([np.ones(count) if weight is None else weight], tf.float32),
            keys.EXAMPLE_ID: tf.constant([range(count) if ids is None else ids], tf.int64),
        }
        again = None if second is None else fake_outputs(pooled=[second])
        terms = objective(fake_step(batch, fake_outputs(pooled=[vectors]), second=again))
        return terms.loss.numpy()[0], terms.mask.numpy()[0]

    return make


def test_by_hand(contrast):
    """Two alike, one orthogonal, t = 1: -log(e / (e + 1)); the third has no partner."""
    loss, mask = contrast(
        SupervisedContrastive("topic", 1.0), [[2.0, 0], [3, 0], [0, 1]], [0, 0, 1]
    )
    np.testing.assert_array_equal(mask, [1, 1, 0])
    np.testing.assert_allclose(loss[:2], [-math.log(math.e / (math.e + 1))] * 2, rtol=1e-6)


def test_temperature_by_hand(contrast):
    """t = 1/2 doubles every similarity."""
    loss, _ = contrast(SupervisedContrastive("topic", 0.5), [[2.0, 0], [3, 0], [0, 1]], [0, 0, 1])
    np.testing.assert_allclose(loss[0], -math.log(math.e**2 / (math.e**2 + 1)), rtol=1e-6)


@pytest.mark.parametrize("two_views", [False, True], ids=["one view", "two views"])
@pytest.mark.parametrize("seed", range(4))
def test_is_the_formula_in_two_loops(contrast, seed, two_views):
    """Random vectors, unlabelled and weightless examples, one example that is there twice."""
    random = np.random.default_rng(seed)
    count = ROWS * SLOTS
    vectors, second = random.normal(size=[2, count, HIDDEN])
    labels = random.integers(-1, 3, count)
    weight = (random.random(count) > 0.2).astype(float)
    ids = np.arange(count)
    ids[5], labels[5] = ids[2], labels[2]
    objective = SupervisedContrastive("topic", 0.3, two_views)
    loss, mask = contrast(objective, vectors, labels, weight, ids, second if two_views else None)

    views = [vectors, second] if two_views else [vectors]
    expected, partners = by_loops(views, np.where(weight > 0, labels, -1), ids, 0.3)
    np.testing.assert_array_equal(mask, partners > 0)
    np.testing.assert_allclose(loss * mask, expected, rtol=1e-5, atol=1e-6)
    assert 0 < mask.sum() < count


def test_second_view_gives_a_lone_example_a_partner(contrast):
    """With two views each labelled example has at least its own other view."""
    vectors, second = [[1.0, 0], [0, 1]], [[1.0, 1], [1, 0]]
    _, mask = contrast(SupervisedContrastive("topic"), vectors, [0, 1])
    np.testing.assert_array_equal(mask, [0, 0])
    objective = SupervisedContrastive("topic", 1.0, two_views=True)
    loss, mask = contrast(objective, vectors, [0, 1], second=second)
    np.testing.assert_array_equal(mask, [1, 1])
    # The first against its own view (1/sqrt 2), the other example (0) and the other's view (1).
    shares = np.exp([1 / math.sqrt(2), 0, 1])
    np.testing.assert_allclose(loss[0], -np.log(shares[0] / shares.sum()), rtol=1e-6)


def test_closer_partners_cost_less(contrast):
    """Moving two of one label together lowers their loss; moving a stranger near raises it."""
    objective = SupervisedContrastive("topic")
    apart, _ = contrast(objective, [[1.0, 0], [0, 1], [-1, 0]], [0, 0, 1])
    together, _ = contrast(objective, [[1.0, 0], [1, 0.2], [-1, 0]], [0, 0, 1])
    crowded, _ = contrast(objective, [[1.0, 0], [1, 0.2], [1, 0.1]], [0, 0, 1])
    assert together[0] < apart[0]
    assert together[0] < crowded[0]


def test_without_any_label_nothing_counts(contrast):
    """Unlabelled examples only: an empty mask and finite losses."""
    loss, mask = contrast(SupervisedContrastive("topic"), [[1.0, 0], [0, 1]], [-1, -1])
    np.testing.assert_array_equal(mask, [0, 0])
    assert np.isfinite(loss).all()


def test_small_temperature_stays_finite(contrast):
    """t = 0.01 makes similarities of a hundred, whose exponentials overflow float32."""
    loss, mask = contrast(
        SupervisedContrastive("topic", 0.01), [[1.0, 0], [0, 1], [1, 0.1]], [0, 0, 1]
    )
    assert np.isfinite(loss).all()
    np.testing.assert_allclose(loss[0], 100 / math.sqrt(1.01), rtol=1e-4)
    np.testing.assert_array_equal(mask, [1, 1, 0])
