"""SimCSE against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfsocial.objectives.papers.simcse import SimCSE
from tfsocial.text import batch as keys


def test_by_hand(fake_step, fake_outputs):
    """Two texts at right angles, views turned by 45 degrees, t = 1; an empty slot takes no part.

    cos(z_1, z'_1) = 1, cos(z_1, z'_2) = sqrt(1/2); cos(z_2, z'_1) = 0, cos(z_2, z'_2) = sqrt(1/2).
    """
    batch = {
        keys.WEIGHT: tf.constant([[1.0, 1.0, 0.0]]),
        keys.EXAMPLE_ID: tf.constant([[5, 3, -1]], tf.int64),
    }
    step = fake_step(
        batch,
        fake_outputs(pooled=[[[2.0, 0.0], [0.0, 3.0], [0.0, 0.0]]]),
        second=fake_outputs(pooled=[[[5.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]),
    )
    loss, mask = SimCSE(temperature=1.0)(step)
    half = np.sqrt(0.5)
    expected = [np.log(np.exp(1) + np.exp(half)) - 1, np.log(np.exp(0) + np.exp(half)) - half]
    np.testing.assert_allclose(loss[0, :2], expected, rtol=1e-5)
    np.testing.assert_array_equal(mask, [[1, 1, 0]])


def test_temperature_sharpens(fake_step, fake_outputs):
    """At t = 0.05 a view nearer to its own text than to others costs next to nothing."""
    batch = {keys.WEIGHT: tf.ones([1, 2]), keys.EXAMPLE_ID: tf.constant([[0, 1]], tf.int64)}
    outputs = fake_outputs(pooled=[[[1.0, 0.0], [0.0, 1.0]]])
    loss, _ = SimCSE()(fake_step(batch, outputs, second=outputs))
    np.testing.assert_allclose(loss, np.full([1, 2], np.log1p(np.exp(-20))), atol=1e-7)
