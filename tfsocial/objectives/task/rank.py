"""L of an order: y is the degree of relevance, the head's output s a score on any scale.

Where the task names its `list`, an attribute of the data, examples of one list are compared with
each other, as many of them as the global batch (of all replicas) holds: all where `data.together`
keeps lists whole. An example of no list is left out. Without `list` the labelled examples of the
global batch are one list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.task.shared import dense_labels
from tfsocial.text.batch import group_key

NEVER = tf.float32.min  # a score that has no share in a softmax


@dataclass(frozen=True)
class Pairwise(Objective):
    """Mean over the examples j of i's list with y_j < y_i of log(1 + exp(-(s_i - s_j))).

    Without `tasks.X.list` the batch is one list. An example with nothing below it is left out.
    RankNet gives every pair the same weight, this every i, however many stand below it.
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
        if (same := _same_list(step, self.task)) is not None:
            below &= same
        losses = tf.nn.softplus(other_score - scores[..., tf.newaxis])
        count = tf.reduce_sum(tf.cast(below, tf.float32), -1)
        loss = tf.math.divide_no_nan(tf.reduce_sum(tf.where(below, losses, 0.0), -1), count)
        return Terms(loss, mask * tf.cast(count > 0, tf.float32))


@dataclass(frozen=True)
class Listwise(Objective):
    """-n p_i log q_i, with p = softmax(y / temperature), q = softmax(s) over a list's n examples.

    The mean over a list's examples is the cross-entropy of p and q; so a list counts as often as
    it has examples. Without `tasks.X.list` the batch is one list. One example alone is no list and
    is left out.
    ListNet, top one: Cao et al. (2007), Learning to Rank: From Pairwise Approach to Listwise
    Approach, MSR-TR-2007-40, section 5.
    """

    task: str
    temperature: Annotated[float, Field(gt=0.0)] = 1.0

    kinds = ("regress",)

    def __call__(self, step: Forward) -> Terms:
        scores, labels, mask = _own(step, self.task)
        same = _same_list(step, self.task)
        count = _count(step, mask, same)
        p = tf.exp(_log_share(step, labels / self.temperature, mask, same))
        loss = -count * p * _log_share(step, scores, mask, same)
        return Terms(loss, mask * tf.cast(count > 1, tf.float32))


def _own(step: Forward, task: str) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Give scores, labels and mask of this replica's examples, all [rows, slots].

    The mask is 0 for an example of no list where the task has lists.
    """
    labels, mask = dense_labels(step, task)
    if group_key(task) in step.batch:
        mask *= tf.cast(step.batch[group_key(task)] >= 0, tf.float32)
    return tf.squeeze(step.outputs.logits[task], -1), tf.squeeze(labels, -1), mask


def _same_list(step: Forward, task: str) -> tf.Tensor | None:
    """Mark which of all replicas' n examples are in an example's list, bool [rows, slots, n].

    None where the task names no list: then all are.
    """
    if group_key(task) not in step.batch:
        return None
    list_id = step.batch[group_key(task)]
    others = tf.reshape(step.gather(list_id), [-1])
    return list_id[..., tf.newaxis] == others


def _count(step: Forward, mask: tf.Tensor, same: tf.Tensor | None) -> tf.Tensor:
    """Count labelled examples of each example's list, [rows, slots], or of the one list, []."""
    everywhere = step.gather(mask)
    if same is None:
        return tf.reduce_sum(everywhere)
    return tf.reduce_sum(tf.where(same, tf.reshape(everywhere, [-1]), 0.0), -1)


def _log_share(
    step: Forward, values: tf.Tensor, mask: tf.Tensor, same: tf.Tensor | None
) -> tf.Tensor:
    """Compute the log of each example's share in the softmax over its list, [rows, slots]."""
    values = tf.where(mask > 0, values, NEVER)
    everywhere = step.gather(values)
    if same is None:
        return values - tf.reduce_logsumexp(everywhere)
    return values - tf.reduce_logsumexp(tf.where(same, tf.reshape(everywhere, [-1]), NEVER), -1)
