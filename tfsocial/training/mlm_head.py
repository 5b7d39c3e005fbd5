"""A masked-LM head for an M0 that was shared without one."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.data.batch import Batch
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.community import MaskedLM
from tfsocial.training.forward import Step
from tfsocial.training.given import Given

STEPS, RATE, EPSILON = 200, 1e-3, 1e-8  # the paper's epsilon; Keras's own default is 1e-7


def learn(text_model: TextModel, given: Given, batches: tf.data.Dataset) -> None:
    """Train the word head alone, by Adam (arXiv:1412.6980), on hidden words.

    Args:
        batches: of which as many are taken as there are steps.
    """
    weights = text_model.word_head.trainable_variables
    adam = optimizer(weights)

    @tf.function
    def step_on(batch: Batch) -> None:
        step = Step(batch, text_model, given, training=False)
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
