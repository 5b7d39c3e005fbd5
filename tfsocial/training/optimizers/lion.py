"""Lion: the sign of a momentum, and nothing of its size."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfsocial.training.optimizers.base import BaseOptimizer


class Lion(BaseOptimizer):
    """Evolved sign momentum; one slot a variable.

    theta <- theta - eta_t * (sign(beta_1 * m + (1 - beta_1) * g) + lambda * theta)
    m <- beta_2 * m + (1 - beta_2) * g
    Chen et al. (2023), Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675,
    algorithm 2. Every weight moves by the whole rate: the paper takes a learning rate 3 to 10
    times smaller than AdamW's and a decay as many times larger (section 5).
    """

    def __init__(self, *args, beta_1: float, beta_2: float, **kwargs):
        super().__init__(*args, **kwargs)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build_slots(self, variables: Sequence[tf.Variable]) -> None:
        self.momentums = self.slots("m", variables)

    def update_step(self, gradient, variable):
        momentum = self.momentums[self.index(variable)]
        direction = tf.sign(self.beta_1 * momentum + (1 - self.beta_1) * gradient)
        variable.assign_sub(self.rate(variable) * self.decayed(direction, variable))
        momentum.assign(self.beta_2 * momentum + (1 - self.beta_2) * gradient)
