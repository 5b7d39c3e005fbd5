"""Mean teacher: the model should agree with the average of what it has been."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfsocial.models.heads import predictions
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class MeanTeacher(Objective):
    """mean over the outputs of (p - p')^2, p' of a moving average of the weights.

    Tarvainen & Valpola (2017), Mean teachers are better role models, arXiv:1703.01780,
    section 2; p are the probabilities, of a regression its value. It needs no labels, and
    `training.ema` for the average; the paper ramps its weight up, which a schedule does. The
    paper's teacher has noise of its own, this one has no dropout.
    """

    task: str

    kinds = ANY_KIND
    needs = ("averaged_weights",)

    def __call__(self, step: Forward) -> Terms:
        kind = step.kinds[self.task]
        student, teacher = (
            predictions(kind, outputs.logits[self.task]) for outputs in (step.outputs, step.average)
        )
        square = tf.math.squared_difference(student, teacher)
        return Terms(tf.reduce_mean(square, -1), step.batch[WEIGHT])
