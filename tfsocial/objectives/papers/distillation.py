"""Distillation: a model learns what tuned ones, larger or several, say of each text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.kinds import TaskKind
from tfsocial.models.heads import mean_pool
from tfsocial.objectives import divergence
from tfsocial.objectives.contract import Forward, Objective, Taught, Terms
from tfsocial.text.batch import EXAMPLE_ID, SEGMENT_IDS, WEIGHT

Names = str | Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Distillation(Objective):
    """sum over the tasks of T^2 * KL(mean_i softmax(v_i / T) || softmax(z / T)), v_i a teacher's.

    v_i and z are logits. Of values it is (mean_i v_i - z)^2; a multilabel task takes each label's
    Bernoulli. Hinton, Vinyals & Dean (2015), Distilling the Knowledge in a Neural Network,
    arXiv:1503.02531, section 2: T^2 keeps the size of the gradient when T changes. `teacher` is a
    name in the config's `checkpoints`, or a list of them: runs' model/ folders with the same
    tasks. Each reads each text of train once, as it stands there, before the first step; texts
    without a label are learned from too.
    """

    teacher: Names = "teacher"
    temperature: Annotated[float, Field(gt=0.0)] = 2.0

    needs = ("teacher",)
    checkpoint_fields = ("teacher",)

    def __call__(self, step: Forward) -> Terms:
        taught, student = _all_taught(step, self.teacher), step.outputs.logits
        losses = [
            self._loss(step.kinds[task], [one.logits[task] for one in taught], student[task])
            for task in taught[0].logits
        ]
        return Terms(tf.add_n(losses), step.batch[WEIGHT] * taught[0].known)

    def _loss(self, kind: TaskKind, targets: Sequence[tf.Tensor], logits: tf.Tensor) -> tf.Tensor:
        temperature = 1.0 if kind == "regress" else self.temperature  # a value has none
        target = divergence.mean_of(kind, [one / temperature for one in targets])
        return temperature**2 * divergence.from_to(kind, target, logits / temperature)


@dataclass(frozen=True)
class TeacherCosine(Objective):
    """1 - mean_i cos(f(x; theta), t_i(x)), f the pooled vector of a text and t_i a teacher's.

    Sanh et al. (2019), DistilBERT, arXiv:1910.01108, section 3, there of each token's state;
    teachers and student are of one width. `teacher` as in `distillation`.
    """

    teacher: Names = "teacher"

    needs = ("teacher",)
    checkpoint_fields = ("teacher",)

    def __call__(self, step: Forward) -> Terms:
        taught = _all_taught(step, self.teacher)
        student = tf.math.l2_normalize(step.outputs.pooled, -1)
        teachers = [tf.math.l2_normalize(one.pooled, -1) for one in taught]
        distance = 1 - tf.reduce_sum(student * tf.add_n(teachers), -1) / len(teachers)
        return Terms(distance, step.batch[WEIGHT] * taught[0].known)


@dataclass(frozen=True)
class TeacherHidden(Objective):
    """mean over a text's tokens t and the dimensions of (h_t(x; theta) - g_t(x))^2.

    h and g are the states of model and teacher after their last layers. Jiao et al. (2020),
    TinyBERT, arXiv:1909.10351, equation 8, there of every layer and through a projection; teacher
    and student are of one width here, and of one vocabulary. `teacher` is one name, as in
    `distillation`; its encoder runs beside the student's in each step.
    """

    teacher: str = "teacher"

    needs = ("teacher_encoder",)
    checkpoint_fields = ("teacher",)

    def __call__(self, step: Forward) -> Terms:
        student = tf.cast(step.outputs.hidden, tf.float32)
        square = tf.square(student - tf.cast(step.teacher_hidden(self.teacher), tf.float32))
        slots = step.batch[EXAMPLE_ID].shape[1]
        of_texts = mean_pool(
            tf.reduce_mean(square, -1, keepdims=True), step.batch[SEGMENT_IDS], slots
        )
        return Terms(of_texts[..., 0], step.batch[WEIGHT])


def _all_taught(step: Forward, teacher: Names) -> list[Taught]:
    return [step.teacher(name) for name in ([teacher] if isinstance(teacher, str) else teacher)]
