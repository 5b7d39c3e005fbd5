"""Lion against its paper in numpy, against Keras's, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from six_steps import MODES, assert_all_close, built, by_hand, trained


def by_the_paper(beta_1: float = 0.9, beta_2: float = 0.99, clip_norm: float | None = None):
    """Algorithm 2 of arXiv:2302.06675, rate 0.05 and decay 0.2."""

    def moved(theta, g, kept, t, decays):
        m = kept.get("m", np.zeros_like(theta))
        update = np.sign(beta_1 * m + (1 - beta_1) * g) + (0.2 * theta if decays else 0.0)
        kept["m"] = beta_2 * m + (1 - beta_2) * g
        return theta - 0.05 * update

    return by_hand(moved, clip_norm)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_is_the_papers(mode, clip_norm):
    """Same weights after six steps as the algorithm in numpy, however it is run."""
    expected = by_the_paper(clip_norm=clip_norm)
    assert_all_close(trained(built(clip_norm, name="lion"), mode), expected, 1e-6)


def test_betas_go_where_they_belong():
    """beta_1 mixes the step, beta_2 the memory; exchanged, other signs come out."""
    knobs = {"beta_1": 0.3, "beta_2": 0.8}
    assert_all_close(trained(built(name="lion", **knobs)), by_the_paper(**knobs), 1e-6)
    exchanged = by_the_paper(beta_1=0.8, beta_2=0.3)
    assert any(
        np.abs(one - other).max() > 0.01
        for one, other in zip(exchanged, by_the_paper(**knobs), strict=True)
    )


def test_is_kerass():
    """Keras's Lion has the same definition."""
    optimizer = keras.optimizers.Lion(0.05, weight_decay=0.2, jit_compile=False)
    assert_all_close(trained(built(name="lion")), trained(optimizer), 1e-6)


def test_two_steps_by_hand():
    """Gradient 1 and then -0.05: the second step still goes the first one's way.

    m is 0.01 after the first; 0.9 * 0.01 - 0.1 * 0.05 = 0.004 is positive. Rate 0.1.
    """
    optimizer = built(name="lion", learning_rate=0.1, weight_decay=0.0)
    weight = tf.Variable([1.0])
    for gradient, expected in ((1.0, 0.9), (-0.05, 0.8)):
        optimizer.apply_gradients([(tf.constant([gradient]), weight)])
        np.testing.assert_allclose(weight, [expected], rtol=1e-6)
