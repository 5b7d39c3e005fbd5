"""SimCSE: a text's two dropout passes together, other texts apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.data.batch import EXAMPLE_ID, WEIGHT
from tfsocial.objectives.contract import Forward, Terms

NEVER = -1e9  # similarity of a pair that is left out of the softmax


@dataclass(frozen=True)
class SimCSE:
    """-log( exp(cos(z_i, z'_i) / t) / sum_j exp(cos(z_i, z'_j) / t) ), z and z' two dropout passes.

    j runs over the examples of the global batch (of all replicas). It needs no labels.
    Gao, Yao & Chen (2021), SimCSE: Simple Contrastive Learning of Sentence Embeddings,
    arXiv:2104.08821, equation 4; t = 0.05 there.
    """

    temperature: Annotated[float, Field(gt=0.0)] = 0.05

    def __call__(self, step: Forward) -> Terms:
        weight = step.batch[WEIGHT]
        ids = tf.where(weight > 0, step.batch[EXAMPLE_ID], -1)
        anchors, views = (_directions(pass_.pooled) for pass_ in (step.outputs, step.again()))
        others, own = step.gather(views), tf.reshape(ids, [-1, 1])
        theirs = tf.transpose(step.gather(own))
        similarity = tf.matmul(anchors, others, transpose_b=True) / self.temperature
        log_share = tf.nn.log_softmax(tf.where(theirs >= 0, similarity, NEVER))
        itself = tf.cast((own == theirs) & (own >= 0), tf.float32)
        return Terms(-tf.reshape(tf.reduce_sum(itself * log_share, -1), tf.shape(weight)), weight)


def _directions(pooled: tf.Tensor) -> tf.Tensor:
    """Normalised vectors [rows * slots, hidden]."""
    return tf.math.l2_normalize(tf.reshape(pooled, [-1, pooled.shape[-1]]), -1)
