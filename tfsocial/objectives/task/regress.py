"""L of a number: its distance from the head's output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.task.shared import dense_labels


@dataclass(frozen=True)
class MeanSquaredError(Objective):
    """(z - y)^2, averaged over the outputs of the head.

    Bishop (2006), Pattern Recognition and Machine Learning, section 3.1.1.
    """

    task: str

    kinds = ("regress",)

    def __call__(self, step: Forward) -> Terms:
        labels, mask = dense_labels(step, self.task)
        return Terms(tf.reduce_mean(tf.square(step.outputs.logits[self.task] - labels), -1), mask)


@dataclass(frozen=True)
class Huber(Objective):
    """1/2 e^2 where |e| <= delta, else delta (|e| - delta / 2); e = z - y; mean over the outputs.

    Huber (1964), Robust Estimation of a Location Parameter; as a loss: Hastie, Tibshirani &
    Friedman (2009), The Elements of Statistical Learning, section 10.6 (there twice this).
    """

    task: str
    delta: Annotated[float, Field(gt=0.0)] = 1.0

    kinds = ("regress",)

    def __call__(self, step: Forward) -> Terms:
        labels, mask = dense_labels(step, self.task)
        error = step.outputs.logits[self.task] - labels
        # Both branches at once: the part of the error within delta, times what is left of it.
        within = tf.clip_by_value(error, -self.delta, self.delta)
        return Terms(tf.reduce_mean(within * (error - within / 2), -1), mask)
