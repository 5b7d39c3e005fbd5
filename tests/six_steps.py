"""Six steps of an optimizer on five small weights, in TensorFlow and in plain numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tfsocial import config
from tfsocial.config.optimizer import Optimizer
from tfsocial.training.optimizers import build
from tfsocial.training.optimizers.base import BaseOptimizer

# Names as TextModel gives them; only the kernel and the positions decay.
SHAPES = {
    "encoder/dense/kernel": [3, 2],
    "encoder/dense/bias": [2],
    "encoder/LayerNorm/gamma": [2],
    "encoder/word_embeddings/weight": [5, 2],
    "encoder/position_embeddings/embeddings": [4, 2],
}
DECAYED = {"encoder/dense/kernel", "encoder/position_embeddings/embeddings"}
STEPS = 6
MODES = {"eager": None, "graph": False, "xla": True}
# float32(0.999) leaves 1 - beta_2 wrong by 5e-5 of itself, so a step by half of that;
# Keras takes 1 - beta_2 in float64. Six steps of at most 0.05 differ by less than this.
TOLERANCE = 1e-5


def variables() -> list[tf.Variable]:
    random = np.random.default_rng(1)
    return [
        tf.Variable(random.normal(size=shape), name=name, dtype=tf.float32)
        for name, shape in SHAPES.items()
    ]


def not_decayed(weights: Sequence[tf.Variable]) -> list[tf.Variable]:
    """Those of `variables()` whose names are not in `DECAYED`."""
    named = zip(SHAPES, weights, strict=False)  # of some of them as well
    return [weight for name, weight in named if name not in DECAYED]


def gradients(step: int) -> list[np.ndarray]:
    random = np.random.default_rng(100 + step)
    return [random.normal(size=shape).astype(np.float32) for shape in SHAPES.values()]


def section(**knobs) -> Optimizer:
    """The section `optimizer` of a config that says this of it."""
    return config.parse({"optimizer": knobs}).optimizer


def built(
    clip_norm: float | None = None, weights: Sequence[tf.Variable] = (), **knobs
) -> BaseOptimizer:
    """An optimizer of these weights as a config builds it, at a constant rate."""
    knobs = {"learning_rate": 0.05, "weight_decay": 0.2, "warmup_fraction": 0.0, **knobs}
    chosen = section(decay="constant", clip_norm=clip_norm, **knobs)
    return build.optimizer(chosen, total_steps=STEPS, not_decayed=not_decayed(weights))


def compiled(function, mode: str):
    if mode == "eager":
        return function
    return tf.function(function, jit_compile=MODES[mode], autograph=False)


def trained(
    optimizer, mode: str = "graph", of_step=gradients, steps: Sequence[int] = range(STEPS)
) -> list[np.ndarray]:
    """The variables after all steps."""
    weights = variables()
    optimizer.exclude_from_weight_decay(var_list=not_decayed(weights))
    apply = compiled(
        lambda given: optimizer.apply_gradients(zip(given, weights, strict=True)), mode
    )
    for step in steps:
        apply(tf.nest.map_structure(tf.convert_to_tensor, of_step(step)))
    return [weight.numpy() for weight in weights]


def by_hand(
    moved: Callable[[np.ndarray, np.ndarray, dict, int, bool], np.ndarray],
    clip_norm: float | None = None,
) -> list[np.ndarray]:
    """The weights after all steps in float64, the global norm clipped first.

    Args:
        moved: gives theta of a theta, its gradient, what it keeps of it (at first nothing), the
            number of the step from 1, and whether it decays.
    """
    weights = [weight.numpy().astype(np.float64) for weight in variables()]
    kept = [{} for _ in weights]
    for t in range(1, STEPS + 1):
        given = [gradient.astype(np.float64) for gradient in gradients(t - 1)]
        norm = math.sqrt(sum((gradient**2).sum() for gradient in given))
        scale = min(1.0, clip_norm / norm) if clip_norm else 1.0
        for i, name in enumerate(SHAPES):
            weights[i] = moved(weights[i], given[i] * scale, kept[i], t, name in DECAYED)
    return weights


def assert_all_close(actual, expected, tolerance: float = TOLERANCE) -> None:
    for name, one, other in zip(SHAPES, actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance, err_msg=name)
