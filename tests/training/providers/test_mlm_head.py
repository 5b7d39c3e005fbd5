"""The optimizer of a masked-LM head, against the paper's formula."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.training.providers import mlm_head


def by_hand(weights: list[np.ndarray], steps: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Adam in float64, algorithm 1 of arXiv:1412.6980 with its efficient order of section 2."""
    first = [np.zeros_like(weight) for weight in weights]
    second = [np.zeros_like(weight) for weight in weights]
    for time, gradients in enumerate(steps, 1):
        scale = np.sqrt(1 - 0.999**time) / (1 - 0.9**time)
        for place, gradient in enumerate(gradients):
            first[place] = 0.9 * first[place] + 0.1 * gradient
            second[place] = 0.999 * second[place] + 0.001 * gradient**2
            direction = first[place] / (np.sqrt(second[place]) + 1e-8)
            weights[place] = weights[place] - 1e-3 * scale * direction
    return weights


@pytest.mark.parametrize("replicas", [1, 2])
def test_adam_is_the_paper_s(replicas, request):
    """Twenty steps of two weights, under a strategy too, outside of its replicas."""
    strategy = (
        tf.distribute.get_strategy() if replicas == 1 else request.getfixturevalue("two_cpus")
    )
    random = np.random.default_rng(3)
    start = [random.normal(size=[3, 2]), random.normal(size=[4])]
    steps = [[random.normal(size=value.shape) for value in start] for _ in range(20)]
    with strategy.scope():
        weights = [tf.Variable(value.astype(np.float32)) for value in start]
        adam = mlm_head.optimizer(weights)
        move = tf.function(lambda gradients: mlm_head.move(adam, gradients, weights))
        for gradients in steps:
            move([tf.constant(gradient, tf.float32) for gradient in gradients])
    for weight, expected in zip(weights, by_hand(start, steps), strict=True):
        np.testing.assert_allclose(weight.numpy(), expected, atol=1e-6)
