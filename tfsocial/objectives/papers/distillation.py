"""Distillation: a smaller model learns what a larger one, already tuned, says of each text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.config import TaskKind
from tfsocial.objectives import divergence
from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class Distillation(Objective):
    """sum over the tasks of T^2 * KL(softmax(v / T) || softmax(z / T)), v the teacher's logits.

    Of values it is (v - z)^2; a multilabel task takes each label's Bernoulli. Hinton, Vinyals &
    Dean (2015), Distilling the Knowledge in a Neural Network, arXiv:1503.02531, section 2: T^2
    keeps the size of the gradient when T changes. `teacher` is a name in the config's
    `checkpoints`: a run's model/ folder with the same tasks. It reads each text of train once, as
    it stands there, before the first step; texts without a label are learned from too.
    """

    teacher: str = "teacher"
    temperature: Annotated[float, Field(gt=0.0)] = 2.0

    needs = ("teacher",)
    checkpoint_fields = ("teacher",)

    def __call__(self, step: Forward) -> Terms:
        taught, student = step.teacher(self.teacher), step.outputs.logits
        losses = [
            self._loss(step.kinds[task], logits, student[task])
            for task, logits in taught.logits.items()
        ]
        return Terms(tf.add_n(losses), step.batch[WEIGHT] * taught.known)

    def _loss(self, kind: TaskKind, target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        temperature = 1.0 if kind == "regress" else self.temperature  # a value has none
        distance = divergence.from_to(kind, target / temperature, logits / temperature)
        return temperature**2 * distance


@dataclass(frozen=True)
class TeacherCosine(Objective):
    """1 - cos(f(x; theta), t(x)), f the pooled vector of a text and t the teacher's.

    Sanh et al. (2019), DistilBERT, arXiv:1910.01108, section 3, there of each token's state;
    teacher and student are of one width. `teacher` as in `distillation`.
    """

    teacher: str = "teacher"

    needs = ("teacher",)
    checkpoint_fields = ("teacher",)

    def __call__(self, step: Forward) -> Terms:
        taught = step.teacher(self.teacher)
        student = tf.math.l2_normalize(step.outputs.pooled, -1)
        teacher = tf.math.l2_normalize(taught.pooled, -1)
        distance = 1 - tf.reduce_sum(student * teacher, -1)
        return Terms(distance, step.batch[WEIGHT] * taught.known)
