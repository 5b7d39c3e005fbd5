"""A masked-LM head for an M0 that was shared without one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.models.text_model import TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.community import MaskedLM
from tfsocial.text.batch import Batch
from tfsocial.training.forward import Step
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

log = logging.getLogger(__name__)

STEPS, RATE, EPSILON = 200, 1e-3, 1e-8  # the paper's epsilon; Keras's own default is 1e-7


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
    """Train the masked-LM head alone, by Adam (arXiv:1412.6980), on hidden words.

    Args:
        batches: of which as many are taken as there are steps.
    """
    weights = text_model.built_mlm_head.trainable_variables
    constants = constants.having("mlm_head", text_model.mlm_logits)
    adam = optimizer(weights)

    @tf.function(autograph=False)
    def step_on(batch: Batch) -> None:
        step = Step(batch, text_model, constants, training=False)
        with tf.GradientTape() as tape:
            loss = weighing.mean(MaskedLM()(step))
        move(adam, tape.gradient(loss, weights), weights)

    for batch in batches.take(STEPS):
        step_on(batch)


def optimizer(weights: Sequence[tf.Variable]) -> keras.optimizers.Optimizer:
    """Build Adam for these weights."""
    adam = keras.optimizers.Adam(RATE, epsilon=EPSILON, jit_compile=False)
    adam.build(weights)
    return adam


def move(
    adam: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor],
    weights: Sequence[tf.Variable],
) -> None:
    """Take one step; `apply_gradients` cannot be called under a strategy outside its replicas."""
    for gradient, weight in zip(gradients, weights, strict=True):
        adam.update_step(gradient, weight)
    adam.iterations.assign_add(1)
