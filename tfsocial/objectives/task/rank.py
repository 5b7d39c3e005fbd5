"""L of an order: y is the degree of relevance, the head's output s a score on any scale.

The labelled examples of the global batch (of all replicas) are one list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.task.shared import dense_labels

NEVER = tf.float32.min  # a score that has no share in a softmax


@dataclass(frozen=True)
class Pairwise(Objective):
    """Mean over the examples j with y_j < y_i of log(1 + exp(-(s_i - s_j))).

    An example with nothing below it is left out. RankNet gives every pair the same weight,
    this every i, however many stand below it.
    RankNet: Burges et al. (2005), Learning to Rank using Gradient Descent, section 3;
    Burges (2010), From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82, section 2.
    """

    task: str

    kinds = ("regress",)

    def __call__(self, step: Forward) -> Terms:
        scores, labels, mask = _own(step, self.task)
        others = [tf.reshape(step.gather(values), [-1]) for values in (scores, labels, mask)]
        other_score, other_label, other_mask = others
        below = (other_label < labels[..., tf.newaxis]) & (other_mask > 0)
        losses = tf.nn.softplus(other_score - scores[..., tf.newaxis])
        count = tf.reduce_sum(tf.cast(below, tf.float32), -1)
        loss = tf.math.divide_no_nan(tf.reduce_sum(tf.where(below, losses, 0.0), -1), count)
        return Terms(loss, mask * tf.cast(count > 0, tf.float32))


@dataclass(frozen=True)
class Listwise(Objective):
    """-n p_i log q_i, with p = softmax(y / temperature) and q = softmax(s) over the n examples.

    The mean over the examples is the cross-entropy of p and q. One example alone is no list
    and is left out.
    ListNet, top one: Cao et al. (2007), Learning to Rank: From Pairwise Approach to Listwise
    Approach, MSR-TR-2007-40, section 5.
    """

    task: str
    temperature: Annotated[float, Field(gt=0.0)] = 1.0

    kinds = ("regress",)

    def __call__(self, step: Forward) -> Terms:
        scores, labels, mask = _own(step, self.task)
        count = tf.reduce_sum(step.gather(mask))
        p = tf.exp(_log_share(step, labels / self.temperature, mask))
        loss = -count * p * _log_share(step, scores, mask)
        return Terms(loss, mask * tf.cast(count > 1, tf.float32))


def _own(step: Forward, task: str) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Scores, labels and mask of this replica's examples, all [rows, slots]."""
    labels, mask = dense_labels(step, task)
    return tf.squeeze(step.outputs.logits[task], -1), tf.squeeze(labels, -1), mask


def _log_share(step: Forward, values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Logarithm of each example's share in the softmax over the list, [rows, slots]."""
    values = tf.where(mask > 0, values, NEVER)
    return values - tf.reduce_logsumexp(step.gather(values))
