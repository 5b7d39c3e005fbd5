"""What a model can do without: which of its layers, heads and neurons change its answers least."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from tfsocial.models import inference, parameters
from tfsocial.models.text_model import TextModel
from tfsocial.text.batch import Batch
from tfsocial.training.forward import Step
from tfsocial.training.run_constants import RunConstants

Batches = Iterable[Batch]


def layers(model: TextModel, batches: tf.data.Dataset, count: int) -> tuple[int, ...]:
    """Choose the layers to keep: those without the others change pooled vectors least.

    One layer after the other is left out, each time the one whose absence leaves the mean cosine
    with the whole model's vectors highest. That a layer's worth shows in how little its absence
    changes the states: Men et al. (2024), ShortGPT, arXiv:2403.03853, there by the layer's own
    input and output.
    """
    whole = tuple(range(model.encoder.config.num_hidden_layers))
    if count == len(whole):
        return whole  # nothing to compare
    expected = _unit_vectors(model, batches, whole)
    kept = whole
    while len(kept) > count:
        shorter = [tuple(one for one in kept if one != left) for left in kept]
        alike = [np.sum(expected * _unit_vectors(model, batches, some)) for some in shorter]
        kept = shorter[int(np.argmax(alike))]
    return kept


def _unit_vectors(model: TextModel, batches: tf.data.Dataset, some: Sequence[int]) -> np.ndarray:
    def pooled(batch: Batch) -> dict[str, tf.Tensor]:
        return {"": model.pool(model.encoder(batch, layers=some), batch)}

    compute = tf.function(pooled, autograph=False, reduce_retracing=True)
    vectors = inference.by_example(compute, batches)[""]
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def of_inputs(model: TextModel, constants: RunConstants, batches: Batches) -> dict[str, np.ndarray]:
    """Measure what each input of a layer's two output matrices is worth, float32 [in] by name.

    sum over the batches of |sum_k w_kj dL/dw_kj|, which is what L would change, to first order,
    were input j always 0. Of neurons: Molchanov et al. (2017), Pruning Convolutional Neural
    Networks, arXiv:1611.06440, equation 8; of heads, whose numbers are added up by `of_heads`:
    Michel, Levy & Neubig (2019), Are Sixteen Heads Really Better than One?, arXiv:1905.10650.

    Args:
        constants: what the tasks' losses are, and what they read.
        batches: of few texts each; their effects may cancel out within one.
    """
    weights = {
        name: parameter
        for name, parameter in parameters.of_encoder(model.encoder).items()
        if parameter.layer and name.endswith("output.dense.weight")
    }

    @tf.function(autograph=False)
    def effects(batch: Batch) -> list[tf.Tensor]:
        variables = [weight.variable for weight in weights.values()]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            step = Step(batch, model, constants, training=False)
            total = tf.add_n([_sum(step, task) for task in constants.losses])
        gradients = tape.gradient(total, variables, unconnected_gradients="zero")
        # A kernel of Keras is [in, out].
        return [
            tf.reduce_sum(weight * gradient, 1)
            for weight, gradient in zip(variables, gradients, strict=True)
        ]

    measured = [np.zeros(weight.shape[1], np.float32) for weight in weights.values()]
    for batch in batches:
        for total, effect in zip(measured, effects(batch), strict=True):
            total += np.abs(effect.numpy())
    return dict(zip(weights, measured, strict=True))


def _sum(step: Step, task: str) -> tf.Tensor:
    loss, mask = step.task_loss(task, step.outputs)
    return tf.reduce_sum(tf.where(mask > 0, loss, 0.0))


def of_heads(inputs: np.ndarray, heads: int) -> np.ndarray:
    """Add up what the inputs of each head are worth, float32 [heads].

    >>> of_heads(np.array([1.0, 2.0, 3.0, 4.0]), 2).tolist()
    [3.0, 7.0]
    """
    return inputs.reshape(heads, -1).sum(-1)
