"""SAM on a parabola worked by hand, and in the step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.training.steps.sam import sam_ascent


def test_climbs_by_hand_and_comes_back():
    """Along (3, 4), of length 5, by 0.5: 0.3 and 0.4; then bit for bit where it was."""
    one, other = tf.Variable([1.1]), tf.Variable(2.3)
    before = one.numpy(), other.numpy()
    with sam_ascent([one, other], [tf.constant([3.0]), tf.constant(4.0)], 0.5):
        np.testing.assert_allclose(one, [1.4], rtol=1e-6)
        np.testing.assert_allclose(other, 2.7, rtol=1e-6)
    np.testing.assert_array_equal(one, before[0])
    np.testing.assert_array_equal(other, before[1])


def test_nowhere_to_climb():
    """Without a gradient theta is its own worst neighbour; nothing is divided by zero."""
    one = tf.Variable([1.0])
    with sam_ascent([one], [tf.constant([0.0])], 0.5):
        np.testing.assert_array_equal(one, [1.0])


def weights_after(model, dataset) -> dict[str, np.ndarray]:
    model.fit(dataset, steps_per_epoch=2, epochs=1, verbose=0)
    return {variable.name: variable.numpy() for variable in model.text_model.variables}


@pytest.fixture(scope="module")
def plain(social_model, batch, endless) -> dict[str, np.ndarray]:
    """The weights without SAM."""
    return weights_after(social_model(epsilon=1e-3), endless(batch))


def test_no_radius_is_the_plain_step(social_model, batch, endless, plain):
    """The gradient at a point as good as theta is the gradient at theta."""
    sharp = weights_after(social_model(epsilon=1e-3, sam_radius=1e-7), endless(batch))
    for name, value in plain.items():
        np.testing.assert_allclose(sharp[name], value, atol=1e-5, err_msg=name)


def test_radius_changes_the_step(social_model, batch, endless, plain):
    """From further up the gradient is another."""
    sharp = weights_after(social_model(epsilon=1e-3, sam_radius=0.5), endless(batch))
    assert max(np.abs(sharp[name] - value).max() for name, value in plain.items()) > 1e-4


@pytest.mark.parametrize(
    ("weighing", "jit_compile"), [("pcgrad", False), ("fixed", True)], ids=["pcgrad", "xla"]
)
def test_loss_falls(social_model, batch, endless, weighing, jit_compile):
    """Beside PCGrad, and compiled; dropout on."""
    model = social_model(
        community={"l2_sp": {}}, weighing=weighing, sam_radius=0.05, dropout=0.1,
        learning_rate=0.01, jit_compile=jit_compile,
    )  # fmt: skip
    history = model.fit(endless(batch), steps_per_epoch=1, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]


def test_two_replicas_are_one(social_model, batch, endless, two_cpus):
    """Both climb along the gradient of the whole batch."""
    alone = social_model(epsilon=1e-3, sam_radius=0.1)
    with two_cpus.scope():
        together = social_model(epsilon=1e-3, sam_radius=0.1)
    one, other = (weights_after(model, endless(batch)) for model in (alone, together))
    for name, value in one.items():
        np.testing.assert_allclose(other[name], value, atol=1e-5, err_msg=name)
