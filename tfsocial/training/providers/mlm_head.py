"""A masked-LM head for an M0 that was shared without one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfsocial.data.batch import Batch
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.community import MaskedLM
from tfsocial.training.forward import Step
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

log = logging.getLogger(__name__)

STEPS, RATE = 200, 1e-3


class MLMHead(Provider):
    """Logits of the words by the text model's masked-LM head: M0's own, or learned on train first.

    It maps states [rows, places, hidden] to float32 [rows, places, words], and learns on.
    """

    def build(self, context: Context, constants: RunConstants) -> Callable[[tf.Tensor], tf.Tensor]:
        if not context.mlm_head_is_m0s:
            log.info("M0 has no masked-LM head: learning one on train, %d steps", STEPS)
            learn(context.text_model, constants, context.batches)
        return context.text_model.mlm_logits


def learn(text_model: TextModel, constants: RunConstants, batches: tf.data.Dataset) -> None:
    """Trains the masked-LM head alone, by Adam (arXiv:1412.6980), on hidden words.

    Args:
        batches: of which as many are taken as there are steps.
    """
    weights = text_model.mlm_head.trainable_variables
    constants = constants.having("mlm_head", text_model.mlm_logits)
    move = _adam(weights)

    @tf.function
    def step_on(batch: Batch) -> None:
        step = Step(batch, text_model, constants, training=False)
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
