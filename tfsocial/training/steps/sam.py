"""Sharpness-aware minimization: flat minima are sought by looking at the worst point nearby."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import tensorflow as tf

from tfsocial.text.batch import Batch
from tfsocial.training.steps.contract import Descent, Evaluated, Trained


@dataclass(frozen=True)
class Sam:
    """The gradient at the worst point near theta moves theta; see `sam_ascent`.

    Args:
        radius: rho, how far the worst point is sought.
        descent: where the gradients at a point come from, of the global batch.
    """

    radius: float
    descent: Descent

    def evaluate(self, model: Trained, batch: Batch) -> Evaluated:
        """Compute the formula at theta and the gradients at the worst point near it."""
        here = self.descent.evaluate(model, batch)
        with sam_ascent(model.learned, here.gradients, self.radius):
            there = self.descent.evaluate(model, batch)
        return here._replace(gradients=there.gradients)


@contextlib.contextmanager
def sam_ascent(
    variables: Sequence[tf.Variable], gradients: Sequence[tf.Tensor], radius: float
) -> Iterator[None]:
    """Put theta + rho * g / |g| into the variables; afterwards theta again, bit for bit.

    Foret et al. (2021), Sharpness-Aware Minimization for Efficiently Improving Generalization,
    arXiv:2010.01412, equation 2 for p = 2. The gradients are those of the global batch; the
    paper's code ascends along each replica's own.

    Args:
        gradients: of each variable, float32 in its shape.
        radius: rho.
    """
    scale = tf.math.divide_no_nan(radius, tf.linalg.global_norm(gradients))
    before = [tf.identity(variable) for variable in variables]
    for variable, at, gradient in zip(variables, before, gradients, strict=True):
        variable.assign(at + scale * gradient)
    yield
    for variable, at in zip(variables, before, strict=True):
        variable.assign(at)
