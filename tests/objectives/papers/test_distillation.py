"""Distillation on a teacher's answers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.contract import Taught
from tfsocial.objectives.papers.distillation import Distillation, TeacherCosine, TeacherHidden
from tfsocial.text import batch as keys


def taught(logits=((0.0,),), pooled=((0.0,),)) -> dict[str, Taught]:
    """A teacher of two slots that has not read the second."""
    return {
        "teacher": Taught(
            tf.constant([pooled, pooled], tf.float32)[:, 0][tf.newaxis],
            {"topic": tf.constant([[logits[0], logits[0]]], tf.float32)},
            tf.constant([[1.0, 0.0]]),
        )
    }


@pytest.mark.parametrize(
    ("kind", "student", "teacher", "temperature", "expected"),
    [
        # 3/4 ln(3/4 / 1/2) + 1/4 ln(1/4 / 1/2)
        ("classify", [0.0, 0.0], [np.log(3), 0.0], 1.0, 0.75 * np.log(1.5) - 0.25 * np.log(2)),
        # ln 9 / 2 is ln 3: the same, four times
        ("classify", [0.0, 0.0], [np.log(9), 0.0], 2.0, 3 * np.log(1.5) - np.log(2)),
        # the first label alone: a Bernoulli of 3/4 beside one of 1/2
        ("multilabel", [0.0, 0.0], [np.log(3), 0.0], 1.0, 0.75 * np.log(1.5) - 0.25 * np.log(2)),
        # values have no temperature
        ("regress", [1.0], [3.0], 2.0, 4.0),
    ],
)
def test_distillation_by_hand(
    fake_step, fake_outputs, kind, student, teacher, temperature, expected
):
    """KL from the teacher's probabilities; what it has not read does not count."""
    step = fake_step(
        {keys.WEIGHT: tf.ones([1, 2])},
        fake_outputs([[student, student]]),
        kinds={"topic": kind},
        taught=taught([teacher]),
    )
    loss, mask = Distillation(temperature=temperature)(step)
    assert float(loss[0, 0]) == pytest.approx(expected, rel=1e-6)
    assert mask.numpy().tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("kind", "student", "teachers", "expected"),
    [
        # 3/4 and 1/4 are 1/2 on average, which the student says too
        ("classify", [0.0, 0.0], ([np.log(3), 0.0], [0.0, np.log(3)]), 0.0),
        ("multilabel", [0.0, 0.0], ([np.log(3), 0.0], [-np.log(3), 0.0]), 0.0),
        # 3/4 and 1/2: 5/8 ln(5/8 / 1/2) + 3/8 ln(3/8 / 1/2)
        (
            "classify",
            [0.0, 0.0],
            ([np.log(3), 0.0], [0.0, 0.0]),
            5 / 8 * np.log(5 / 4) + 3 / 8 * np.log(3 / 4),
        ),
        ("regress", [1.0], ([3.0], [5.0]), 9.0),
    ],
)
def test_several_teachers_are_averaged(fake_step, fake_outputs, kind, student, teachers, expected):
    """Their probabilities, not their logits."""
    known = {name: taught([logits])["teacher"] for name, logits in zip("ab", teachers, strict=True)}
    step = fake_step(
        {keys.WEIGHT: tf.ones([1, 2])},
        fake_outputs([[student, student]]),
        kinds={"topic": kind},
        taught=known,
    )
    loss, mask = Distillation(("a", "b"), temperature=1.0)(step)
    assert float(loss[0, 0]) == pytest.approx(expected, abs=1e-6)
    assert mask.numpy().tolist() == [[1, 0]]


def test_teacher_hidden_by_hand(fake_step, fake_outputs):
    """Tokens of the first text differ by 1 and 3 in each dimension; the second has none."""
    hidden = tf.constant([[[1.0, 1.0], [3.0, 3.0], [7.0, 7.0]]])
    step = fake_step(
        {
            keys.WEIGHT: tf.constant([[1.0, 0.0]]),
            keys.SEGMENT_IDS: tf.constant([[1, 1, 0]]),
            keys.EXAMPLE_ID: tf.zeros([1, 2], tf.int64),
        },
        fake_outputs()._replace(hidden=hidden),
        hidden_of={"teacher": tf.zeros_like(hidden)},
    )
    loss, mask = TeacherHidden()(step)
    assert float(loss[0, 0]) == pytest.approx((1 + 9) / 2)
    assert mask.numpy().tolist() == [[1, 0]]


def test_teacher_cosine_by_hand(fake_step, fake_outputs):
    """(3, 4) beside (1, 0): 1 - 3/5, whatever their lengths."""
    step = fake_step(
        {keys.WEIGHT: tf.ones([1, 2])},
        fake_outputs(pooled=[[[3.0, 4.0], [1.0, 1.0]]]),
        taught=taught(pooled=[[2.0, 0.0]]),
    )
    loss, mask = TeacherCosine()(step)
    assert float(loss[0, 0]) == pytest.approx(0.4, rel=1e-6)
    assert mask.numpy().tolist() == [[1, 0]]
