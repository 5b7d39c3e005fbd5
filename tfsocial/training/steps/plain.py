"""Descent along the formula's own gradient."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfsocial.objectives.weighing import Weighed
from tfsocial.text.batch import Batch
from tfsocial.training import gradients
from tfsocial.training.steps.contract import Evaluated, Trained


@dataclass(frozen=True)
class Plain:
    """The gradient as the optimizer takes it: sparse where tables are, summed there.

    Args:
        keep_tape: whether the terms' own gradients are asked for as well.
    """

    keep_tape: bool = False

    def evaluate(self, model: Trained, batch: Batch) -> Evaluated:
        """Compute the formula and this replica's gradients."""
        weighed, tape = taped(model, batch, self.keep_tape)
        pairs = model.optimizer.compute_gradients(weighed.loss, model.learned, tape=tape)
        return Evaluated(weighed, [gradient for gradient, _ in pairs], tape, summed=False)


@dataclass(frozen=True)
class Summed:
    """The gradient dense and of the global batch, for what looks at it before it is applied.

    Args:
        keep_tape: whether the terms' own gradients are asked for as well.
    """

    keep_tape: bool = False

    def evaluate(self, model: Trained, batch: Batch) -> Evaluated:
        """Compute the formula and the global batch's gradients."""
        weighed, tape = taped(model, batch, self.keep_tape)
        summed = gradients.of_loss(
            tape, weighed.loss, model.learned, gradients.scaling(model.optimizer)
        )
        return Evaluated(weighed, summed, tape)


def taped(model: Trained, batch: Batch, keep: bool) -> tuple[Weighed, tf.GradientTape]:
    """Compute the formula on a batch.

    Of what is not watched nothing is recorded, so no gradient of frozen layers is computed.

    Returns:
        The formula, and the tape that it stands on, which can be asked more than once if `keep`.
    """
    with tf.GradientTape(keep, watch_accessed_variables=False) as tape:
        tape.watch(model.learned)
        weighed = model.formula.training(batch, model.optimizer.iterations)
    return weighed, tape
