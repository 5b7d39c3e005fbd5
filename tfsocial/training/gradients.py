"""The terms' gradients beside each other: do they agree, and what is done where they do not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import tensorflow as tf
import tf_keras as keras

Gradients = Sequence[tf.Tensor]
Scaling: TypeAlias = keras.mixed_precision.LossScaleOptimizer


def scaling(optimizer: keras.optimizers.Optimizer) -> Scaling | None:
    """Give the optimizer if it scales losses; Keras makes it so where layers are in float16."""
    return optimizer if isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer) else None


def of_loss(
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[tf.Variable],
    scaling: Scaling | None = None,
) -> list[tf.Tensor]:
    """Compute a loss's gradients, dense and of the global batch, each in its variable's shape."""
    gradients = of_replica(tape, loss, variables, scaling)
    return over_replicas([tf.convert_to_tensor(gradient) for gradient in gradients])


def of_replica(
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[tf.Variable],
    scaling: Scaling | None = None,
) -> list[tf.Tensor | tf.IndexedSlices]:
    """Compute this replica's gradients, in the variables' shapes; 0 where the loss does not reach.

    Args:
        scaling: says what the way back is scaled with, so that float16 holds what is small:
            Micikevicius et al. (2018), Mixed Precision Training, arXiv:1710.03740, section 3.2.
    """
    if scaling is None:
        return tape.gradient(loss, variables, unconnected_gradients="zero")
    upstream = scaling.get_scaled_loss(tf.ones_like(loss))
    scaled = tape.gradient(loss, variables, upstream, unconnected_gradients="zero")
    return scaling.get_unscaled_gradients(scaled)


def per_term(
    tape: tf.GradientTape,
    weighted: Mapping[str, tf.Tensor],
    variables: Sequence[tf.Variable],
    scaling: Scaling | None = None,
) -> dict[str, list[tf.Tensor]]:
    """Compute each term's gradients, dense and of the global batch; a backward pass a term."""
    return {name: of_loss(tape, loss, variables, scaling) for name, loss in weighted.items()}


def without_conflicts(per_term: Sequence[Gradients]) -> list[tf.Tensor]:
    """Take from each gradient what points against another one, then add all up: PCGrad.

    g_i <- g_i - (g_i . g_j) / |g_j|^2 * g_j for every j with g_i . g_j < 0, g_j as it was.
    Yu et al. (2020), Gradient Surgery for Multi-Task Learning, arXiv:2001.06782, algorithm 1;
    j runs in the order of the formula, where the paper draws an order.

    Args:
        per_term: of each term the gradients of the same variables, float32 in their shapes, as
            what is returned.
    """
    projected = []
    for place, gradient in enumerate(per_term):
        for other in (*per_term[:place], *per_term[place + 1 :]):
            gradient = _made_orthogonal(gradient, other)
        projected.append(gradient)
    return [tf.add_n(parts) for parts in zip(*projected, strict=True)]


def combined(per_term: Sequence[Gradients], shared: Sequence[bool]) -> list[tf.Tensor]:
    """Sum the terms' gradients, without conflicts among those of shared variables.

    Args:
        per_term: as in `without_conflicts`, and so is what is returned.
        shared: whether a variable is, for each of them.
    """
    on_shared = [
        [gradient for gradient, is_shared in zip(term, shared, strict=True) if is_shared]
        for term in per_term
    ]
    projected = iter(without_conflicts(on_shared))
    return [
        next(projected) if is_shared else tf.add_n(parts)
        for is_shared, *parts in zip(shared, *per_term, strict=True)
    ]


def cosines(per_term: Mapping[str, Gradients]) -> dict[str, tf.Tensor]:
    """Compute the cosine of every two terms' gradients, float32 scalars; 0 where one is 0."""
    lengths = {name: tf.linalg.global_norm(gradients) for name, gradients in per_term.items()}
    return {
        pair_name(one, other): tf.math.divide_no_nan(
            _dot(per_term[one], per_term[other]), lengths[one] * lengths[other]
        )
        for one, other in itertools.combinations(per_term, 2)
    }


def pair_name(one: str, other: str) -> str:
    """Name the curve of two terms.

    >>> pair_name("L/intent", "L_paper/r_drop")
    'cosine/L/intent~L_paper/r_drop'
    """
    return f"cosine/{one}~{other}"


def _made_orthogonal(one: Gradients, other: Gradients) -> list[tf.Tensor]:
    against = tf.minimum(_dot(one, other), 0.0)
    share = tf.math.divide_no_nan(against, _dot(other, other))
    return [gradient - share * along for gradient, along in zip(one, other, strict=True)]


def _dot(one: Gradients, other: Gradients) -> tf.Tensor:
    return tf.add_n([tf.reduce_sum(a * b) for a, b in zip(one, other, strict=True)])


def over_replicas(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Sum gradients, float32 in their variables' shapes, over all replicas."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return gradients
    return list(context.all_reduce(tf.distribute.ReduceOp.SUM, gradients))
