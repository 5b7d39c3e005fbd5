"""GradNorm: the terms' weights are moved until all terms train at the same rate."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfsocial.models.encoder import PackedBert
from tfsocial.training import gradients
from tfsocial.training.steps.contract import Evaluated, Trained
from tfsocial.training.steps.moving import moving_number

STEP_SIZE = 0.025  # of the weights, the paper's
LEAST = 1e-3  # a weight of nothing would never come back
NOTHING = 1e-6  # what rounding makes of a loss that is 0


class GradNorm:
    """Moves the terms' weights so that all train at the same rate.

    w_i <- w_i - rate * d/dw_i sum_i |G_i - mean(G) * r_i^alpha|, then w to a mean of 1.

    G_i is the length of the gradient of w_i L_i at the top layer that all terms share, r_i the
    term's L_i(t) / L_i(0) over the mean of all. Chen et al. (2018), GradNorm, arXiv:1711.02257,
    equations 1 and 2, with plain steps in place of Adam's. Targets are held constant, as there.
    A term that begins at 0, as a distance to M0 does, has no L_i(0) to be measured by: it
    has r_i = 1. One that sends no gradient there, as one that begins later, keeps its weight
    and is not among those that the others are compared with.

    Args:
        terms: their names.
        alpha: how strongly a term that trains slowly is pulled up.
        shared: weights that all terms share; see `top_layer`.
    """

    def __init__(self, terms: Sequence[str], alpha: float, shared: Sequence[tf.Variable]):
        self.alpha, self.shared = alpha, shared
        self.factors = {name: moving_number(f"gradnorm/{name}", 1.0) for name in terms}
        self.begun = moving_number("gradnorm/begun")
        self.first = {name: moving_number(f"gradnorm/first/{name}") for name in terms}

    def update(self, model: Trained, evaluated: Evaluated) -> None:
        """Move the weights once, by the gradients of the step just taken."""
        weighed, scaling = evaluated.weighed, gradients.scaling(model.optimizer)
        raw = gradients.over_replicas([*weighed.raw.values()])
        for first, loss in zip(self.first.values(), raw, strict=True):
            first.assign(tf.where(self.begun > 0, first, loss))
        self.begun.assign(1.0)
        per_term = gradients.per_term(evaluated.tape, weighed.weighted, self.shared, scaling)
        lengths = tf.stack([tf.linalg.global_norm(of_term) for of_term in per_term.values()])
        moved = _moved(
            tf.stack([*self.factors.values()]),
            lengths,
            _rates(tf.stack(raw), tf.stack([*self.first.values()])) ** self.alpha,
        )
        for factor, value in zip(self.factors.values(), tf.unstack(moved), strict=True):
            factor.assign(value)


def _rates(losses: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Compute r_i of each term, float32 [terms]."""
    ratios = tf.where(first > NOTHING, tf.math.divide_no_nan(tf.nn.relu(losses), first), 1.0)
    return tf.math.divide_no_nan(ratios, tf.reduce_mean(ratios))


def _moved(factors: tf.Tensor, lengths: tf.Tensor, pull: tf.Tensor) -> tf.Tensor:
    """Give the next weights, float32 [terms].

    The length of a gradient is in proportion to its weight.

    >>> moved = _moved(tf.ones([2]), tf.constant([3.0, 1.0]), pull=tf.ones([2]))
    >>> [round(float(factor), 4) for factor in moved]
    [0.9487, 1.0513]
    """
    heard = tf.cast(lengths > 0, tf.float32)
    mean = tf.math.divide_no_nan(tf.reduce_sum(lengths), tf.reduce_sum(heard))
    derivatives = tf.sign(lengths - mean * pull) * lengths / factors
    moved = tf.maximum(factors - STEP_SIZE * derivatives, LEAST)
    scale = tf.math.divide_no_nan(tf.reduce_sum(heard * factors), tf.reduce_sum(heard * moved))
    # Gradients that float16 could not hold move nothing; the optimizer skips such a step too.
    held = tf.reduce_all(tf.math.is_finite(lengths))
    return tf.where(held & (lengths > 0), moved * scale, factors)


def top_layer(encoder: PackedBert) -> list[tf.Variable]:
    """List the weights of the last layer, which all terms share."""
    return encoder.bert.encoder.layer[-1].trainable_variables
