"""What the parts of a training step promise each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf
import tf_keras as keras

from tfsocial.objectives.weighing import Weighed
from tfsocial.text.batch import Batch
from tfsocial.training.formula import Formula


class Evaluated(NamedTuple):
    """The formula on a batch, and which way it goes up.

    Attributes:
        weighed: this replica's share of the formula.
        gradients: of each variable that learns, in their order.
        tape: the formula stands on; None where it was taken in parts. It can be asked again where
            the way of descending was told to keep it.
        summed: whether the gradients are of the global batch; else the optimizer sums them.
    """

    weighed: Weighed
    gradients: Sequence[tf.Tensor | tf.IndexedSlices | None]
    tape: tf.GradientTape | None = None
    summed: bool = True


class Trained(Protocol):
    """What a part of a step may ask of the model."""

    formula: Formula
    optimizer: keras.optimizers.Optimizer

    @property
    def learned(self) -> list[tf.Variable]:
        """The variables that the optimizer moves."""


class Descent(Protocol):
    """A way of descending."""

    def evaluate(self, model: Trained, batch: Batch) -> Evaluated:
        """Compute the formula on a batch and the gradients that move the weights."""
