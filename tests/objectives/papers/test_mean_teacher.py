"""Mean teacher on probabilities worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.papers.mean_teacher import MeanTeacher
from tfsocial.text import batch as keys


@pytest.mark.parametrize(
    ("kind", "student", "teacher", "expected"),
    [
        # (1/2, 1/2) and (3/4, 1/4): both differ by a quarter
        ("classify", [0.0, 0.0], [np.log(3.0), 0.0], 1 / 16),
        # each label's own probability: 1/2 and 3/4, 1/2 and 1/2
        ("multilabel", [0.0, 0.0], [np.log(3.0), 0.0], 1 / 32),
        ("regress", [1.0], [3.0], 4.0),
    ],
)
def test_by_hand(fake_step, fake_outputs, kind, student, teacher, expected):
    """Mean square of the differences; no label is read."""
    step = fake_step(
        {keys.WEIGHT: tf.ones([1, 1])},
        fake_outputs([[student]]),
        average=fake_outputs([[teacher]]),
        kinds={"topic": kind},
    )
    loss, mask = MeanTeacher("topic")(step)
    np.testing.assert_allclose(loss, [[expected]], rtol=1e-6)
    np.testing.assert_array_equal(mask, [[1]])


def test_teacher_does_not_learn(bench, batch):
    """The teacher is a constant: with the model's own weights it agrees, and nothing is learned."""
    twin = bench.copy()
    twin.average.set_weights(twin.text_model.get_weights())
    measured = twin.measure(MeanTeacher("topic"), batch)
    assert float(measured.share) == 0
    for gradient in measured.gradients:
        np.testing.assert_array_equal(gradient, tf.zeros_like(gradient))
