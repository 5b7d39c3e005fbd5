"""A masked-LM head for an M0 that was shared without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfsocial.data.batch import Batch
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.community import MaskedLM
from tfsocial.training.forward import Step
from tfsocial.training.given import Given

STEPS, RATE = 200, 1e-3


def learn(text_model: TextModel, given: Given, batches: tf.data.Dataset) -> None:
    """Trains the word head alone, by Adam (arXiv:1412.6980), on hidden words.

    Args:
        batches: of which as many are taken as there are steps.
    """
    weights = text_model.word_head.trainable_variables
    move = _adam(weights)

    @tf.function
    def step_on(batch: Batch) -> None:
        step = Step(batch, text_model, given, training=False)
        with tf.GradientTape() as tape:
            loss = weighing.mean(MaskedLM()(step))
        move(tape.gradient(loss, weights))

    for batch in batches.take(STEPS):
        step_on(batch)


def _adam(weights: Sequence[tf.Variable]) -> Callable[[Sequence[tf.Tensor]], None]:
    """By hand: Keras's optimizers cannot be used under a strategy outside of its replicas."""
    first, second = (
        [tf.Variable(tf.zeros(weight.shape), trainable=False) for weight in weights]
        for _ in range(2)
    )
    time = tf.Variable(0.0, trainable=False)

    def move(gradients: Sequence[tf.Tensor]) -> None:
        time.assign_add(1.0)
        scale = tf.sqrt(1 - 0.999**time) / (1 - 0.9**time)
        for weight, m, v, gradient in zip(weights, first, second, gradients, strict=True):
            m.assign(0.9 * m + 0.1 * gradient)
            v.assign(0.999 * v + 0.001 * tf.square(gradient))
            weight.assign_sub(RATE * scale * m / (tf.sqrt(v) + 1e-8))

    return move
