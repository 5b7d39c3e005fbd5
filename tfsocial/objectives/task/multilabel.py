"""L of labels that are each true or not: by a sigmoid per label, or by a softmax over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.task.shared import dense_labels, power


@dataclass(frozen=True)
class BinaryCrossEntropy(Objective):
    """Mean over the labels c of -y_c log s(z_c) - (1 - y_c) log(1 - s(z_c)), s the sigmoid.

    With `label_smoothing` s, y becomes (1 - s) y + s / 2.
    Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.2.
    """

    task: str
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0

    kinds = ("multilabel",)

    def __call__(self, step: Forward) -> Terms:
        labels, mask = dense_labels(step, self.task)
        labels = (1 - self.label_smoothing) * labels + self.label_smoothing / 2
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, step.outputs.logits[self.task])
        return Terms(tf.reduce_mean(losses, -1), mask)


@dataclass(frozen=True)
class Asymmetric(Objective):
    """Mean over c of -y (1 - p)^gamma_positive log p - (1 - y) r^gamma_negative log(1 - r).

    p is the sigmoid of z_c, and r = max(p - clip, 0): an absent label given less than `clip`
    costs nothing. Equal gammas without `clip` are the focal loss of arXiv:1708.02002.
    Ridnik et al. (2021), Asymmetric Loss For Multi-Label Classification, arXiv:2009.14119,
    section 2; the defaults are theirs, the mean instead of a sum is ours.
    """

    task: str
    gamma_positive: Annotated[float, Field(ge=0.0)] = 0.0
    gamma_negative: Annotated[float, Field(ge=0.0)] = 4.0
    clip: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05

    kinds = ("multilabel",)

    def __call__(self, step: Forward) -> Terms:
        labels, mask = dense_labels(step, self.task)
        logits = step.outputs.logits[self.task]
        losses = labels * self._present(logits) + (1 - labels) * self._absent(logits)
        return Terms(tf.reduce_mean(losses, -1), mask)

    def _present(self, logits: tf.Tensor) -> tf.Tensor:
        focus = tf.exp(self.gamma_positive * tf.math.log_sigmoid(-logits))
        return -focus * tf.math.log_sigmoid(logits)

    def _absent(self, logits: tf.Tensor) -> tf.Tensor:
        focus = power(tf.sigmoid(logits) - self.clip, self.gamma_negative)
        if self.clip == 0:  # 1 - p underflows for large logits, its logarithm does not
            return -focus * tf.math.log_sigmoid(-logits)
        return -focus * tf.math.log(tf.minimum(tf.sigmoid(-logits) + self.clip, 1.0))


@dataclass(frozen=True)
class Multinomial(Objective):
    """-1/|Y| * sum_{c in Y} log( exp(z_c) / sum_k exp(z_k) ), Y the labels that are there.

    It asks which labels a text has rather than others, not how many: texts with many labels pull
    no harder than those with few. For very many labels, as who bought what a text names; a text
    without any is left out. Mahajan et al. (2018), Exploring the Limits of Weakly Supervised
    Pretraining, arXiv:1805.00932, section 2.3; over what a person chose: Liang et al. (2018),
    Variational Autoencoders for Collaborative Filtering, arXiv:1802.05814, equation 2.
    """

    task: str

    kinds = ("multilabel",)

    def __call__(self, step: Forward) -> Terms:
        labels, mask = dense_labels(step, self.task)
        count = tf.reduce_sum(labels, -1)
        shares = tf.math.divide_no_nan(labels, count[..., tf.newaxis])
        loss = tf.nn.softmax_cross_entropy_with_logits(shares, step.outputs.logits[self.task])
        return Terms(loss, mask * tf.cast(count > 0, tf.float32))
