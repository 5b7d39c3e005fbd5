"""GradNorm on weights worked by hand, and in the step."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.weighing import Weighed
from tfsocial.training.steps.contract import Evaluated
from tfsocial.training.steps.gradnorm import STEP_SIZE, GradNorm


def update(
    gradnorm: GradNorm, shared: tf.Variable, slopes: dict[str, float], raw: dict[str, float]
):
    """One move where term i has the gradient slope_i and the loss raw_i."""
    with tf.GradientTape(persistent=True) as tape:
        weighted = {
            name: gradnorm.factors[name].read_value() * slope * tf.reduce_sum(shared)
            for name, slope in slopes.items()
        }
    losses = {name: tf.constant(value) for name, value in raw.items()}
    weighed = Weighed(tf.add_n([*weighted.values()]), losses, weighted)
    gradnorm.shared = [shared]
    gradnorm.update(SimpleNamespace(optimizer=None), Evaluated(weighed, [], tape))
    return [float(factor) for factor in gradnorm.factors.values()]


def test_by_hand():
    """Lengths 3 and 1, their mean 2: down by 0.025 * 3, up by 0.025 * 1, and to a mean of 1."""
    gradnorm = GradNorm(["a", "b"], alpha=1.5, shared=[])
    found = update(gradnorm, tf.Variable([1.0]), {"a": 3.0, "b": 1.0}, {"a": 5.0, "b": 5.0})
    moved = np.array([1 - 3 * STEP_SIZE, 1 + STEP_SIZE])
    np.testing.assert_allclose(found, moved / moved.mean(), rtol=1e-5)


def test_a_term_that_lags_is_helped():
    """Equal gradients, but one loss has fallen to a half: the other one's weight grows."""
    gradnorm, shared = GradNorm(["a", "b"], alpha=1.0, shared=[]), tf.Variable([1.0])
    update(gradnorm, shared, {"a": 1.0, "b": 1.0}, {"a": 4.0, "b": 4.0})
    fast, slow = update(gradnorm, shared, {"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 4.0})
    assert fast < 1 < slow


def test_a_term_that_began_at_nothing_stays_finite():
    """A distance to M0 is 0 at first; it is not measured by it."""
    gradnorm, shared = GradNorm(["a", "b"], alpha=1.5, shared=[]), tf.Variable([1.0])
    update(gradnorm, shared, {"a": 1.0, "b": 1.0}, {"a": 4.0, "b": 0.0})
    found = update(gradnorm, shared, {"a": 1.0, "b": 1.0}, {"a": 4.0, "b": 3.0})
    np.testing.assert_allclose(found, [1, 1], atol=1e-6)


def test_a_term_without_a_gradient_keeps_its_weight():
    """The others are compared among themselves: 3 and 1 as if it were not there."""
    gradnorm = GradNorm(["a", "b", "silent"], alpha=1.5, shared=[])
    slopes = {"a": 3.0, "b": 1.0, "silent": 0.0}
    for _ in range(30):
        found = update(gradnorm, tf.Variable([1.0]), slopes, dict.fromkeys(slopes, 5.0))
        assert found[2] == 1
    alone = GradNorm(["a", "b"], alpha=1.5, shared=[])
    for _ in range(30):
        expected = update(alone, tf.Variable([1.0]), {"a": 3.0, "b": 1.0}, {"a": 5.0, "b": 5.0})
    np.testing.assert_allclose(found[:2], expected, rtol=1e-5)


def test_beside_silent_terms_one_stays_as_it_is():
    gradnorm = GradNorm(["a", "silent"], alpha=1.5, shared=[])
    for _ in range(50):
        found = update(
            gradnorm, tf.Variable([1.0]), {"a": 2.0, "silent": 0.0}, {"a": 1.0, "silent": 1.0}
        )
    np.testing.assert_allclose(found, [1, 1], rtol=1e-5)


def test_rounding_is_no_beginning():
    """A distance of 0 may come out as 1e-8 at first and as -1e-8 later."""
    gradnorm, shared = GradNorm(["a", "b"], alpha=1.5, shared=[]), tf.Variable([1.0])
    for noise in (1e-8, -1e-8):
        found = update(gradnorm, shared, {"a": 1.0, "b": 1.0}, {"a": 4.0, "b": noise})
    np.testing.assert_allclose(found, [1, 1], atol=1e-6)


def test_weights_stay_positive_and_have_a_mean_of_one():
    """Even where one gradient is a thousand times the other."""
    gradnorm, shared = GradNorm(["a", "b"], alpha=1.5, shared=[]), tf.Variable([1.0])
    for _ in range(20):
        found = update(gradnorm, shared, {"a": 1000.0, "b": 1.0}, {"a": 1.0, "b": 1.0})
    assert min(found) > 0
    assert np.mean(found) == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_moves_weights_in_the_step(social_model, batch, endless, jit_compile):
    """The loss falls, the weights move, their mean is 1."""
    model = social_model(
        weighing="gradnorm", dropout=0.1, learning_rate=0.01, jit_compile=jit_compile,
        community={"l2_sp": {}},
    )  # fmt: skip
    raw = model.fit(endless(batch), steps_per_epoch=1, epochs=8, verbose=0).history["raw/L/topic"]
    found = [float(factor.numpy()) for factor in model.step.gradnorm.factors.values()]
    assert raw[-1] < raw[0]
    assert np.std(found) > 1e-3
    assert np.mean(found) == pytest.approx(1, rel=1e-5)


def test_two_replicas_are_one(social_model, batch, endless, two_cpus):
    """The same weights of terms, and of the model, after three steps."""
    formula = {"community": {"l2_sp": {}}, "papers": {"supervised_contrastive": {}}}
    alone = social_model(weighing="gradnorm", epsilon=1e-3, **formula)
    with two_cpus.scope():
        together = social_model(weighing="gradnorm", epsilon=1e-3, **formula)
    for model in (alone, together):
        model.fit(endless(batch), steps_per_epoch=3, epochs=1, verbose=0)
    for name, factor in alone.step.gradnorm.factors.items():
        np.testing.assert_allclose(
            together.step.gradnorm.factors[name].numpy(), factor.numpy(), atol=1e-5
        )
    for one, other in zip(alone.trainable_variables, together.trainable_variables, strict=True):
        np.testing.assert_allclose(other.numpy(), one.numpy(), atol=1e-5, err_msg=one.name)
