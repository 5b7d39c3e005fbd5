"""Supervised contrastive learning: texts of one label together, all others apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple, Self

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.text.batch import EXAMPLE_ID, WEIGHT, label_key

NEVER = -1e9  # similarity of a pair that is left out of the softmax
NOBODY = -2  # an id that no example and no empty slot has


@dataclass(frozen=True)
class SupervisedContrastive(Objective):
    """-1/|P(i)| * sum_{p in P(i)} log( exp(z_i.z_p / t) / sum_{a != i} exp(z_i.z_a / t) ).

    z are the normalised pooled vectors, P(i) the other examples of i's label in the global
    batch (of all replicas). An example without a partner is left out.
    With `two_views` a second dropout pass gives every example one more partner.

    Khosla et al. (2020), Supervised Contrastive Learning, arXiv:2004.11362, equation 2;
    beside cross-entropy: Gunel et al. (2021), arXiv:2011.01403, t = 0.3.
    """

    task: str
    temperature: Annotated[float, Field(gt=0.0)] = 0.3
    two_views: bool = False

    kinds = ("classify",)

    def __call__(self, step: Forward) -> Terms:
        anchors, own = directions(step.outputs.pooled), Labelled.of(step, self.task)
        others, candidates = self._others(step, anchors, own)
        similarity = tf.matmul(anchors, others, transpose_b=True) / self.temperature
        return contrast_labelled(step, own, candidates, similarity)

    def _others(self, step: Forward, anchors: tf.Tensor, own: Labelled):
        """Gather all replicas' vectors [m, hidden], and what they are."""
        others, labels, ids = (step.gather(values) for values in (anchors, own.label, own.id))
        if self.two_views:
            others = tf.concat([others, step.gather(directions(step.again().pooled))], 0)
            labels = tf.tile(labels, [2, 1])
            # The second view of an example is not the example itself: it may be its partner.
            ids = tf.concat([ids, tf.fill(tf.shape(ids), tf.cast(NOBODY, ids.dtype))], 0)
        return others, Labelled(labels, ids)


class Labelled(NamedTuple):
    """What n vectors are.

    Attributes:
        label: int [n, 1], -1 for none.
        id: int64 [n, 1], of the example; `NOBODY` of what is none.
    """

    label: tf.Tensor
    id: tf.Tensor

    @classmethod
    def of(cls, step: Forward, task: str) -> Self:
        """Read a batch's own, slot by slot; empty slots have no label."""
        label = tf.where(step.batch[WEIGHT] > 0, step.batch[label_key(task)], -1)
        return cls(tf.reshape(label, [-1, 1]), tf.reshape(step.batch[EXAMPLE_ID], [-1, 1]))


def contrast_labelled(
    step: Forward, own: Labelled, others: Labelled, similarity: tf.Tensor
) -> Terms:
    """Contrast the batch's examples with others: partners share the label and are no example twice.

    Args:
        own: of the batch's n slots.
        others: m that they are told from.
        similarity: float32 [n, m], already over the temperature.
    """
    other_label, other_id = tf.transpose(others.label), tf.transpose(others.id)
    candidate = (other_label >= 0) & (own.id != other_id)
    loss, partners = contrast(similarity, own.label == other_label, candidate)
    mask = tf.cast((partners > 0) & (own.label[:, 0] >= 0), tf.float32)
    slots = tf.shape(step.batch[EXAMPLE_ID])
    return Terms(tf.reshape(loss, slots), tf.reshape(mask, slots))


def contrast(
    similarity: tf.Tensor, same_label: tf.Tensor, candidate: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the loss and the number of partners of each anchor, both float32 [n].

    Args:
        similarity: float32 [n, m], anchors against all, already over the temperature.
        same_label: bool [n, m].
        candidate: bool [n, m], which pairs take part at all.
    """
    log_share = tf.nn.log_softmax(tf.where(candidate, similarity, NEVER))
    positive = tf.cast(same_label & candidate, tf.float32)
    partners = tf.reduce_sum(positive, -1)
    return -tf.math.divide_no_nan(tf.reduce_sum(positive * log_share, -1), partners), partners


def directions(pooled: tf.Tensor) -> tf.Tensor:
    """Normalise vectors float32 [rows, slots, hidden] to length 1, [rows * slots, hidden]."""
    return tf.math.l2_normalize(tf.reshape(pooled, [-1, pooled.shape[-1]]), -1)
