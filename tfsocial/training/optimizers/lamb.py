"""LAMB: Adam's direction, each variable's step as long as the variable."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfsocial.training.optimizers.base import BaseOptimizer


class Lamb(BaseOptimizer):
    """Layer-wise adaptive moments, for large batches.

    u = m_hat / (sqrt(v_hat) + epsilon) + lambda * theta
    theta <- theta - eta_t * (||theta|| / ||u||) * u
    You et al. (2020), Large Batch Optimization for Deep Learning, arXiv:1904.00962, algorithm 2,
    with phi the identity. Where a norm is 0 the ratio is 1.

    Weights that do not decay have the ratio 1 too: the norm of a bias that starts at 0 says
    nothing, and that of the word table would hang on words that no text holds.
    """

    def __init__(
        self,
        *args,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build_slots(self, variables: Sequence[tf.Variable]) -> None:
        self.momentums = self.slots("m", variables)
        self.velocities = self.slots("v", variables)

    def update_step(self, gradient, variable):
        update = self.decayed(self._adam(gradient, self.index(variable)), variable)
        ratio = trust_ratio(variable, update) if self.may_decay(variable) else 1.0
        variable.assign_sub(self.rate(variable) * ratio * update)

    def _adam(self, gradient: tf.Tensor, index: int) -> tf.Tensor:
        """Compute m_hat / (sqrt(v_hat) + epsilon) after this gradient."""
        step = self.step()
        momentum, velocity = self.momentums[index], self.velocities[index]
        momentum.assign(self.beta_1 * momentum + (1 - self.beta_1) * gradient)
        velocity.assign(self.beta_2 * velocity + (1 - self.beta_2) * tf.square(gradient))
        unbiased = momentum / (1 - tf.pow(self.beta_1, step))
        return unbiased / (tf.sqrt(velocity / (1 - tf.pow(self.beta_2, step))) + self.epsilon)


def trust_ratio(variable: tf.Variable, update: tf.Tensor) -> tf.Tensor:
    """Compute ||theta|| / ||u||, a scalar, or 1 where either is 0.

    >>> float(trust_ratio(tf.Variable([3.0, 4.0]), tf.constant([0.0, 2.0])))
    2.5
    >>> float(trust_ratio(tf.Variable([0.0, 0.0]), tf.constant([0.0, 2.0])))
    1.0
    """
    ratio = tf.math.divide_no_nan(tf.norm(variable), tf.norm(update))
    return tf.where(ratio > 0, ratio, tf.ones_like(ratio))
