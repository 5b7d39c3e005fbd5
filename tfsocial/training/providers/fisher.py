"""What M0's own task depends on: the diagonal of its Fisher information."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import tensorflow as tf

from tfsocial.models import parameters
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import masking
from tfsocial.text.batch import Batch
from tfsocial.training.forward import Step
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants

SHARE = 0.15  # of the words are hidden, BERT's
BATCHES = 50


class Fisher(Provider):
    """What M0's own task depends on, of each weight of the backbone; see `diagonal`."""

    def build(self, context: Context, constants: RunConstants) -> dict[str, tf.Tensor]:
        return diagonal(context.text_model, constants, context.batches)


def diagonal(
    text_model: TextModel, constants: RunConstants, batches: tf.data.Dataset
) -> dict[str, tf.Tensor]:
    """Measure F of each weight of the backbone, over the mean of all; they are M0's and stay so.

    F_i = E[(d/dw_i log p(y | x))^2] with y drawn from the model itself, which makes it the true
    Fisher and not the empirical one: Martens (2020), arXiv:1412.1193, section 5. The scores of
    drawn words have mean 0 and are independent, so the square of a batch's gradient is, on
    average, the sum of its words' squares.

    Args:
        batches: of which the first 50 are looked at.
    """
    weights = parameters.of_encoder(text_model.encoder).of("backbone").variables
    return mean_squares(
        weights,
        lambda batch: _score(text_model, constants, batch, weights),
        batches.take(BATCHES),
    )


def mean_squares(
    weights: Mapping[str, tf.Variable],
    gradients: Callable[[Batch], Mapping[str, tf.Tensor]],
    batches: Iterable[Batch],
) -> dict[str, tf.Tensor]:
    """Add up the squares of batches' gradients, number by number, over the mean of all.

    Args:
        gradients: name -> gradient of a weight, computed in the graph.
    """
    squares = {
        name: tf.Variable(tf.zeros(weight.shape), trainable=False)
        for name, weight in weights.items()
    }

    @tf.function(autograph=False)
    def observe(batch: Batch) -> None:
        for name, gradient in gradients(batch).items():
            squares[name].assign_add(tf.square(tf.convert_to_tensor(gradient)))

    for batch in batches:
        observe(batch)
    count = sum(int(tf.size(square)) for square in squares.values())
    mean = tf.add_n([tf.reduce_sum(square) for square in squares.values()]) / count
    return {name: square / tf.maximum(mean, 1e-30) for name, square in squares.items()}


def _score(
    text_model: TextModel,
    constants: RunConstants,
    batch: Batch,
    weights: Mapping[str, tf.Variable],
) -> dict[str, tf.Tensor]:
    """Compute the gradient of the log-probability of words drawn for the hidden places."""
    step = Step(batch, text_model, constants, training=False)
    hidden = masking.masked(step, SHARE, whole_words=True)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([*weights.values()])
        states = step.encode_tokens(hidden.token_ids).hidden
        logits = step.mlm_logits(hidden.at_places(states))
        u = hidden.at_places(step.uniform_tokens())
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(_sample_words(logits, u), logits)
        total = tf.reduce_sum(tf.where(hidden.at_places(hidden.predicted), loss, 0.0))
    gradients = tape.gradient(total, [*weights.values()], unconnected_gradients="zero")
    return dict(zip(weights, gradients, strict=True))


def _sample_words(logits: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Draw a word for each place with its probability, by a number between 0 and 1, int32 [...]."""
    ends = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    below = tf.reduce_sum(tf.cast(ends < u[..., tf.newaxis], tf.int32), -1)
    return tf.minimum(below, logits.shape[-1] - 1)
