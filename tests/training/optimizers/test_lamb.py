"""LAMB against its paper in numpy, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from six_steps import MODES, assert_all_close, built, by_hand, trained


def by_the_paper(
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-6,
    decay: float = 0.2,
    clip_norm: float | None = None,
):
    """Algorithm 2 of arXiv:1904.00962 with phi(x) = x and rate 0.05."""

    def moved(x, g, kept, t, decays):
        kept["m"] = beta_1 * kept.get("m", 0.0) + (1 - beta_1) * g
        kept["v"] = beta_2 * kept.get("v", 0.0) + (1 - beta_2) * g**2
        m, v = kept["m"] / (1 - beta_1**t), kept["v"] / (1 - beta_2**t)
        r = m / (np.sqrt(v) + epsilon)
        if not decays:
            return x - 0.05 * r
        u = r + decay * x
        return x - 0.05 * np.linalg.norm(x) / np.linalg.norm(u) * u

    return by_hand(moved, clip_norm)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_is_the_papers(mode, clip_norm):
    """Same weights after six steps as the algorithm in numpy, however it is run."""
    expected = by_the_paper(clip_norm=clip_norm)
    assert_all_close(trained(built(clip_norm, name="lamb"), mode), expected)


def test_knobs_go_where_they_belong():
    """Betas and epsilon, and no decay: the trust ratio stays where decay would be."""
    knobs = {"beta_1": 0.5, "beta_2": 0.8, "epsilon": 0.1}
    actual = trained(built(name="lamb", weight_decay=0.0, **knobs))
    assert_all_close(actual, by_the_paper(**knobs, decay=0.0))


def test_first_step_by_hand():
    """Adam's first direction is the sign, (1, -1), of norm sqrt 2; (3, 4) has norm 5.

    The kernel moves by 0.1 * 5 / sqrt 2 in each place, the bias by 0.1.
    """
    optimizer = built(name="lamb", learning_rate=0.1, weight_decay=0.0)
    kernel, bias = tf.Variable([3.0, 4.0], name="kernel"), tf.Variable([3.0, 4.0], name="bias")
    optimizer.decay_none_of([bias])
    gradient = tf.constant([0.5, -7.0])
    optimizer.apply_gradients([(gradient, kernel), (gradient, bias)])
    step = 0.5 / np.sqrt(2)
    np.testing.assert_allclose(kernel, [3 - step, 4 + step], rtol=1e-5)
    np.testing.assert_allclose(bias, [2.9, 4.1], rtol=1e-5)


def test_a_weight_of_zeros_leaves_zero():
    """Its norm is 0; a ratio of 0 would hold it there for ever."""
    optimizer = built(name="lamb", learning_rate=0.1)
    kernel = tf.Variable([0.0, 0.0], name="kernel")
    optimizer.apply_gradients([(tf.constant([1.0, -2.0]), kernel)])
    np.testing.assert_allclose(kernel, [-0.1, 0.1], rtol=1e-4)


def test_without_gradient_only_decay_moves():
    """u = lambda * theta is lambda times as long as theta: the step is eta * theta."""
    optimizer = built(name="lamb", learning_rate=0.1, weight_decay=0.02)
    kernel = tf.Variable([3.0, 4.0], name="kernel")
    optimizer.apply_gradients([(tf.zeros([2]), kernel)])
    np.testing.assert_allclose(kernel, [2.7, 3.6], rtol=1e-6)
