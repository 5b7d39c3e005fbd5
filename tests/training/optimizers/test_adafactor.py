"""Adafactor against its paper in numpy, against Keras's, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from six_steps import MODES, SHAPES, assert_all_close, built, by_hand, trained, variables


def by_the_paper(
    epsilon: float = 1e-30, scale_parameter: bool = False, clip_norm: float | None = None
):
    """Algorithms 4 and 5 of arXiv:1804.04235 with the paper's sums; rate 0.05, decay 0.2."""

    def root_mean_square(x):
        return np.sqrt((x**2).mean())

    def moved(x, g, kept, t, decays):
        beta, squares = 1 - t**-0.8, g**2 + epsilon
        if x.ndim == 2:
            ones_n, ones_m = np.ones(x.shape[0]), np.ones(x.shape[1])
            kept["r"] = beta * kept.get("r", 0.0) + (1 - beta) * squares @ ones_m
            kept["c"] = beta * kept.get("c", 0.0) + (1 - beta) * ones_n @ squares
            v = np.outer(kept["r"], kept["c"]) / (ones_n @ kept["r"])
        else:
            kept["v"] = v = beta * kept.get("v", 0.0) + (1 - beta) * squares
        u = g / np.sqrt(v)
        u = u / max(1.0, root_mean_square(u) / 1.0)
        scale = max(1e-3, root_mean_square(x)) if scale_parameter else 1.0
        return x - 0.05 * (scale * u + (0.2 * x if decays else 0.0))

    return by_hand(moved, clip_norm)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_is_the_papers(mode, clip_norm):
    """Same weights after six steps as the algorithm in numpy, however it is run."""
    expected = by_the_paper(clip_norm=clip_norm)
    assert_all_close(trained(built(clip_norm, name="adafactor"), mode), expected)


@pytest.mark.parametrize("knobs", [{"epsilon": 0.1}, {"scale_parameter": True}])
def test_knobs_go_where_they_belong(knobs):
    """epsilon lies under the squares; scale_parameter multiplies the step by RMS(theta)."""
    assert_all_close(trained(built(name="adafactor", **knobs)), by_the_paper(**knobs))


def test_is_kerass():
    """Keras's always scales by RMS(theta), and below 1/sqrt(t) its rate is the given one."""
    optimizer = keras.optimizers.Adafactor(0.05, relative_step=False, jit_compile=False)
    actual = trained(built(name="adafactor", weight_decay=0.0, scale_parameter=True))
    assert_all_close(actual, trained(optimizer))


def test_first_step_by_hand():
    """beta_1 is 0, so V is g^2 itself where that has rank one: (1 2; 3 6) moves by the rate.

    U is then all ones, which d = 1 lets pass.
    """
    optimizer = built(name="adafactor", learning_rate=0.1, weight_decay=0.0)
    weight = tf.Variable(tf.zeros([2, 2]), name="kernel")
    optimizer.apply_gradients([(tf.constant([[1.0, 2.0], [3.0, 6.0]]), weight)])
    np.testing.assert_allclose(weight, [[-0.1, -0.1], [-0.1, -0.1]], rtol=1e-5)


def test_second_step_is_clipped_by_hand():
    """A gradient of 1 and then of 3: V is (2^-0.8) * 9 + (1 - 2^-0.8) * 1, U is over 1, so 1."""
    optimizer = built(name="adafactor", learning_rate=0.1, weight_decay=0.0)
    weight = tf.Variable([0.0], name="kernel")
    for gradient in (1.0, 3.0):
        optimizer.apply_gradients([(tf.constant([gradient]), weight)])
    assert 3 / np.sqrt(2**-0.8 * 9 + (1 - 2**-0.8)) > 1
    np.testing.assert_allclose(weight, [-0.2], rtol=1e-5)


def test_a_smaller_gradient_moves_less_by_hand():
    """Then of 0.5: V is 2^-0.8 / 4 + (1 - 2^-0.8), and U = 0.5 / sqrt V is below 1."""
    optimizer = built(name="adafactor", learning_rate=0.1, weight_decay=0.0)
    weight = tf.Variable([0.0], name="kernel")
    for gradient in (1.0, 0.5):
        optimizer.apply_gradients([(tf.constant([gradient]), weight)])
    second = 0.5 / np.sqrt(2**-0.8 / 4 + 1 - 2**-0.8)
    np.testing.assert_allclose(weight, [-0.1 - 0.1 * second], rtol=1e-5)


def test_memory_is_a_row_and_a_column():
    """n + m numbers for an n x m matrix, n for a vector."""
    optimizer = built(name="adafactor")
    optimizer.build(variables())
    sizes = [sum(int(tf.size(moment)) for moment in moments) for moments in optimizer.moments]
    assert sizes == [sum(shape) for shape in SHAPES.values()]


@pytest.mark.parametrize("mode", ["eager", "xla"])
def test_rows_and_columns_without_gradient_stay_finite(mode):
    """0 divided by the root of 1e-60 is 0, though float32 has no 1e-60."""

    def gradients(step):
        given = [np.zeros(shape, np.float32) for shape in SHAPES.values()]
        given[0][0, 0] = 1e3
        return given

    after = trained(built(name="adafactor", weight_decay=0.0), mode, of_step=gradients)
    before = [weight.numpy() for weight in variables()]
    assert after[0][0, 0] == pytest.approx(before[0][0, 0] - 6 * 0.05, rel=1e-4)
    after[0][0, 0] = before[0][0, 0]
    assert_all_close(after, before, 0)
