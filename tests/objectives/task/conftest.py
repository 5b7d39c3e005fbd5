"""A step from given logits and labels, and the slope of a loss at these logits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives import weighing
from tfsocial.text import batch as keys


@pytest.fixture
def labelled(fake_step, fake_outputs):
    """A step from logits [rows, slots, width] and labels; every slot has weight 1 unless told."""

    def make(logits, labels, weight=None):
        labels = np.asarray(labels)
        weight = np.ones(np.shape(logits)[:2]) if weight is None else weight
        dtype = tf.int32 if labels.dtype.kind == "i" else tf.float32
        batch = {
            keys.WEIGHT: tf.constant(weight, tf.float32),
            keys.label_key("topic"): tf.constant(labels, dtype),
        }
        return fake_step(batch, fake_outputs(logits))

    return make


@pytest.fixture
def slopes(labelled, fake_outputs):
    """Gradient of an objective's weighed mean with respect to the logits."""

    def make(objective, logits, labels) -> np.ndarray:
        logits = tf.constant(logits, tf.float32)
        outputs = fake_outputs()._replace(logits={"topic": logits})
        with tf.GradientTape() as tape:
            tape.watch(logits)
            share = weighing.mean(objective(replace(labelled(logits, labels), outputs=outputs)))
        return tape.gradient(share, logits).numpy()

    return make


@pytest.fixture
def random_logits():
    return np.random.default_rng(0).normal(size=[3, 4, 5]).astype(np.float32) * 3
