"""What adversarial terms share: moving each example's own word vectors, and no padding.

A perturbation is float32 [rows, row_length, hidden]; its size is the l2 norm over all tokens
of one example, whatever its neighbours in the row are.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfsocial.models.text_model import Outputs
from tfsocial.objectives.contract import Forward, Terms
from tfsocial.text.batch import EXAMPLE_ID, SEGMENT_IDS, Batch


def of_norm(delta: tf.Tensor, batch: Batch, norm: float | tf.Tensor) -> tf.Tensor:
    """Make every example's l2 norm `norm`, the direction the same; zero on padding.

    Args:
        delta: float32 [rows, row_length, hidden], as what is returned.
        norm: one for all, or float32 [rows, slots].

    >>> batch = {SEGMENT_IDS: tf.constant([[1, 1, 0]]), EXAMPLE_ID: tf.constant([[7]])}
    >>> of_norm(tf.constant([[[3.0], [4.0], [9.0]]]), batch, 10.0)[0, :, 0].numpy().tolist()
    [6.0, 8.0, 0.0]
    """
    return delta * _per_token(tf.math.divide_no_nan(norm, norms(delta, batch)), batch)


def at_most(delta: tf.Tensor, batch: Batch, norm: float) -> tf.Tensor:
    """Project onto the l2 ball: cut an example's longer perturbation to `norm`.

    Args:
        delta: float32 [rows, row_length, hidden], as what is returned.

    >>> batch = {SEGMENT_IDS: tf.constant([[1, 1, 2]]), EXAMPLE_ID: tf.constant([[7, 8]])}
    >>> at_most(tf.constant([[[6.0], [8.0], [2.0]]]), batch, 5.0)[0, :, 0].numpy().tolist()
    [3.0, 4.0, 2.0]
    """
    return of_norm(delta, batch, tf.minimum(norms(delta, batch), norm))


def on_tokens(delta: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Set a perturbation, float32 [rows, row_length, hidden], to zero on padding."""
    return delta * tf.cast(batch[SEGMENT_IDS] > 0, delta.dtype)[..., tf.newaxis]


def uniform(step: Forward, size: float) -> tf.Tensor:
    """Draw from [-1, 1] times size / sqrt(n), n the numbers in all word vectors of the example.

    Float32 [rows, row_length, hidden], zero on padding.
    """
    draw = tf.math.erf(step.noise() / tf.sqrt(2.0))  # 2 Phi(x) - 1 of a normal x
    count = tf.reduce_sum(_membership(step.batch), 1) * draw.shape[-1]
    scale = tf.math.divide_no_nan(1.0, tf.sqrt(count))
    return size * draw * _per_token(scale, step.batch)


def of_peak(delta: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Divide by the example's largest absolute entry; zero on padding.

    Args:
        delta: float32 [rows, row_length, hidden], as what is returned.
    """
    peaks = tf.reduce_max(tf.abs(delta), -1)[..., tf.newaxis] * _membership(batch)
    return delta * _per_token(tf.math.divide_no_nan(1.0, tf.reduce_max(peaks, 1)), batch)


def norms(delta: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Compute the l2 norm of each example's perturbation, float32 [rows, slots].

    Args:
        delta: float32 [rows, row_length, hidden].
    """
    squares = tf.reduce_sum(tf.square(delta), -1)
    return tf.sqrt(tf.einsum("rt,rts->rs", squares, _membership(batch)))


def climb(
    step: Forward, delta: tf.Tensor, loss: Callable[[Outputs], Terms]
) -> tuple[Terms, tf.Tensor]:
    """Compute the loss at a perturbation and its gradient there, a constant of this step.

    One pass serves both: theta learns from the loss, the next perturbation from the gradient.

    Args:
        delta: float32 [rows, row_length, hidden].
        loss: per-example losses of a pass.

    Returns:
        The losses, float32 [rows, slots] with their mask; float32 [rows, row_length, hidden].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(delta)
        terms = loss(step.perturbed(delta))
        total = tf.reduce_sum(tf.where(terms.mask > 0, terms.loss, 0.0))
    return terms, step.frozen(tape.gradient(total, delta))


def _per_token(values: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Spread values of the examples, [rows, slots], to their tokens, [rows, row_length, 1]."""
    return tf.einsum("rs,rts->rt", values, _membership(batch))[..., tf.newaxis]


def _membership(batch: Batch) -> tf.Tensor:
    """Mark which slot a token belongs to with 1, float32 [rows, row_length, slots]."""
    return tf.one_hot(batch[SEGMENT_IDS] - 1, batch[EXAMPLE_ID].shape[1])
