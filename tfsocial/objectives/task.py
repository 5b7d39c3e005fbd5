"""L: what the labels say. Each reads `step.outputs` alone, so L costs one forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.data.batch import WEIGHT, label_key
from tfsocial.objectives.contract import Forward, Terms


@dataclass(frozen=True)
class CrossEntropy:
    """-sum_c q_c log softmax(z)_c, with q = (1 - s) onehot(y) + s / C.

    Label smoothing s: Szegedy et al. (2016), Rethinking the Inception Architecture,
    arXiv:1512.00567, section 7.
    """

    task: str
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    def __call__(self, step: Forward) -> Terms:
        logits = step.outputs.logits[self.task]
        labels = step.batch[label_key(self.task)]
        mask = step.batch[WEIGHT] * tf.cast(labels >= 0, tf.float32)
        log_likelihood = tf.nn.log_softmax(logits)
        chosen = tf.gather(log_likelihood, tf.maximum(labels, 0), batch_dims=2)
        uniform = tf.reduce_mean(log_likelihood, -1)
        return Terms(-(1 - self.label_smoothing) * chosen - self.label_smoothing * uniform, mask)


@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Mean over the labels c of -y_c log s(z_c) - (1 - y_c) log(1 - s(z_c)), s the sigmoid.

    With `label_smoothing` s, y becomes (1 - s) y + s / 2.
    Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.2.
    """

    task: str
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    def __call__(self, step: Forward) -> Terms:
        labels, mask = _dense_labels(step, self.task)
        labels = (1 - self.label_smoothing) * labels + self.label_smoothing / 2
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, step.outputs.logits[self.task])
        return Terms(tf.reduce_mean(losses, -1), mask)


@dataclass(frozen=True)
class MeanSquaredError:
    """(z - y)^2, averaged over the outputs of the head.

    Bishop (2006), Pattern Recognition and Machine Learning, section 3.1.1.
    """

    task: str

    def __call__(self, step: Forward) -> Terms:
        labels, mask = _dense_labels(step, self.task)
        return Terms(tf.reduce_mean(tf.square(step.outputs.logits[self.task] - labels), -1), mask)


def _dense_labels(step: Forward, task: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Float labels [rows, slots, columns] with 0 for NaN, and the mask of labelled examples."""
    labels = step.batch[label_key(task)]
    known = tf.math.is_finite(labels)
    mask = step.batch[WEIGHT] * tf.cast(tf.reduce_all(known, -1), tf.float32)
    return tf.where(known, labels, 0.0), mask
