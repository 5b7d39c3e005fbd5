"""Sharpness-aware minimization: flat minima are sought by looking at the worst point nearby."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf


@contextlib.contextmanager
def climbed(
    variables: Sequence[tf.Variable], gradients: Sequence[tf.Tensor], radius: float
) -> Iterator[None]:
    """Inside the variables are theta + rho * g / |g|; afterwards they are theta again, bit for bit.

    Foret et al. (2021), Sharpness-Aware Minimization for Efficiently Improving Generalization,
    arXiv:2010.01412, equation 2 for p = 2. The gradients are those of the global batch; the
    paper's code climbs along each replica's own.
    """
    scale = tf.math.divide_no_nan(radius, tf.linalg.global_norm(gradients))
    before = [tf.identity(variable) for variable in variables]
    for variable, at, gradient in zip(variables, before, gradients, strict=True):
        variable.assign(at + scale * gradient)
    yield
    for variable, at in zip(variables, before, strict=True):
        variable.assign(at)
