"""Adafactor: second moments of a matrix kept as one number a row and one a column."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfsocial.training.optimizers.base import BaseOptimizer

DECAY_EXPONENT = 0.8
UPDATE_CLIP = 1.0  # d
SMALLEST_SCALE = 1e-3  # epsilon_2


class Adafactor(BaseOptimizer):
    """Adaptive steps in sublinear memory, without momentum.

    beta_t = 1 - t^-0.8
    R <- beta_t * R + (1 - beta_t) * mean of (g^2 + epsilon) over each row; C so over each column
    u = g / sqrt(R C / mean(R)), then u / max(1, RMS(u) / d)
    theta <- theta - eta_t * (u + lambda * theta)
    Shazeer & Stern (2018), Adafactor, arXiv:1804.04235, algorithm 4, and for vectors, whose
    second moments are kept whole, algorithm 5. The paper's sums are means here, of which R C /
    mean(R) is the same matrix. The rate is the run's schedule and not the paper's relative one;
    `scale_parameter` multiplies it by max(epsilon_2, RMS(theta)) as the paper does.

    A row of the word table that no text touches stays, and leaves R C / mean(R) of the other
    rows as it is; it only counts in RMS(u).
    """

    def __init__(self, *args, epsilon: float, scale_parameter: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.epsilon, self.scale_parameter = epsilon, scale_parameter

    def build_slots(self, variables: Sequence[tf.Variable]) -> None:
        self.moments = [self._moments_of(variable) for variable in variables]

    def update_step(self, gradient, variable):
        moments = self.moments[self.index(variable)]
        self._remember(moments, tf.square(gradient) + self.epsilon)
        update = gradient * inverse_root(moments)
        update /= tf.maximum(1.0, rms(update) / UPDATE_CLIP)
        if self.scale_parameter:
            update *= tf.maximum(SMALLEST_SCALE, rms(variable))
        variable.assign_sub(self.rate(variable) * self.decayed(update, variable))

    def _moments_of(self, variable: tf.Variable) -> list[tf.Variable]:
        """Make [R, C] of a matrix; [V] of a vector."""
        shape = variable.shape
        if shape.rank < 2:
            return self.slots("v", [variable])
        return [
            self.add_variable_from_reference(variable, "row", shape[:-1]),
            self.add_variable_from_reference(variable, "column", shape[:-2] + shape[-1:]),
        ]

    def _remember(self, moments: Sequence[tf.Variable], squares: tf.Tensor) -> None:
        means = [squares] if len(moments) == 1 else [tf.reduce_mean(squares, k) for k in (-1, -2)]
        beta = 1 - tf.pow(self.step(), -DECAY_EXPONENT)
        for moment, mean in zip(moments, means, strict=True):
            moment.assign(beta * moment + (1 - beta) * mean)


def inverse_root(moments: Sequence[tf.Variable]) -> tf.Tensor:
    """Compute 1 / sqrt(V), V either kept whole or as R C / mean(R); float32 in V's shape.

    >>> inverse_root([tf.constant([1.0, 4.0])]).numpy().tolist()
    [1.0, 0.5]
    >>> inverse_root([tf.constant([1.0, 7.0]), tf.constant([4.0, 4.0])]).numpy()[0].tolist()
    [1.0, 1.0]
    """
    if len(moments) == 1:
        return tf.math.rsqrt(moments[0])
    rows, columns = moments
    rows = rows / tf.reduce_mean(rows, -1, keepdims=True)
    # Root by root: where a row and a column have no gradient the product is no float32.
    return tf.math.rsqrt(rows)[..., tf.newaxis] * tf.math.rsqrt(columns)[..., tf.newaxis, :]


def rms(values: tf.Tensor) -> tf.Tensor:
    """Compute the root mean square, a scalar.

    >>> float(rms(tf.constant([1.0, -7.0])))
    5.0
    """
    return tf.sqrt(tf.reduce_mean(tf.square(values)))
