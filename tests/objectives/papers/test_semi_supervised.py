"""UDA and FixMatch on probabilities worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.papers.fix_match import FixMatch
from tfsocial.objectives.papers.uda import UDA
from tfsocial.text import batch as keys

# Three texts of two classes: 4/5, 1/2 and 1/10 for the first; their views 1/2, 1/2 and 1/4.
WHOLE = np.log([[[4.0, 1.0], [1.0, 1.0], [1.0, 9.0]]])
CHANGED = np.log([[[1.0, 1.0], [1.0, 1.0], [1.0, 3.0]]])


@pytest.fixture
def step(fake_step, fake_outputs):
    """No label is read: there is none."""
    return fake_step(
        {keys.WEIGHT: tf.constant([[1.0, 1.0, 0.0]])},
        fake_outputs(WHOLE),
        view=fake_outputs(CHANGED),
        kinds={"topic": "classify"},
    )


def test_uda_by_hand(step):
    """At temperature 1/2 odds are squared: 16/17 and 81/82. The second text is not sure enough."""
    loss, mask = UDA("topic", confidence=0.7, temperature=0.5)(step)
    first = 16 / 17 * math.log(16 / 17 * 2) + 1 / 17 * math.log(1 / 17 * 2)
    third = 1 / 82 * math.log(1 / 82 * 4) + 81 / 82 * math.log(81 / 82 * 4 / 3)
    np.testing.assert_allclose(loss, [[first, 0, third]], rtol=1e-5)
    np.testing.assert_array_equal(mask, [[1, 1, 0]])


def test_fix_match_by_hand(step):
    """The answers are 0, nothing and 1; the views give them 1/2 and 3/4."""
    loss, mask = FixMatch("topic", confidence=0.8)(step)
    np.testing.assert_allclose(loss, [[math.log(2), 0, math.log(4 / 3)]], rtol=1e-5)
    np.testing.assert_array_equal(mask, [[1, 1, 0]])


def test_confidence_is_a_limit(step):
    """FixMatch's includes the number itself, UDA's does not."""
    just = float(tf.nn.softmax(tf.constant(WHOLE[0, 0], tf.float32))[0])
    assert FixMatch("topic", confidence=just)(step).loss[0, 0] > 0
    assert UDA("topic", confidence=just)(step).loss[0, 0] == 0


@pytest.mark.parametrize("paper", [UDA, FixMatch])
def test_the_answer_to_the_whole_text_does_not_learn(fake_step, fake_outputs, paper):
    """The gradient runs through the changed text alone."""
    whole, changed = tf.constant(WHOLE, tf.float32), tf.constant(CHANGED, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([whole, changed])
        outputs = fake_outputs()._replace(logits={"topic": whole})
        view = fake_outputs()._replace(logits={"topic": changed})
        step = fake_step({keys.WEIGHT: tf.ones([1, 3])}, outputs, view=view)
        loss = tf.reduce_sum(paper("topic", confidence=0.7)(step).loss)
    to_whole, to_changed = tape.gradient(loss, [whole, changed])
    assert to_whole is None
    assert np.any(to_changed != 0)
