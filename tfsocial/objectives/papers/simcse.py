"""SimCSE: a text's two dropout passes together, other texts apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.papers.supervised_contrastive import contrast, directions
from tfsocial.text.batch import EXAMPLE_ID, WEIGHT


@dataclass(frozen=True)
class SimCSE(Objective):
    """-log( exp(cos(z_i, z'_i) / t) / sum_j exp(cos(z_i, z'_j) / t) ), z and z' two dropout passes.

    j runs over the examples of the global batch (of all replicas). It needs no labels.
    Gao, Yao & Chen (2021), SimCSE: Simple Contrastive Learning of Sentence Embeddings,
    arXiv:2104.08821, equation 4; t = 0.05 there.
    """

    temperature: Annotated[float, Field(gt=0.0)] = 0.05

    learns_from_text = True

    def __call__(self, step: Forward) -> Terms:
        weight = step.batch[WEIGHT]
        ids = tf.where(weight > 0, step.batch[EXAMPLE_ID], -1)
        anchors, views = (directions(pass_.pooled) for pass_ in (step.outputs, step.again()))
        others, example_ids = step.gather(views), tf.reshape(ids, [-1, 1])
        theirs = tf.transpose(step.gather(example_ids))
        similarity = tf.matmul(anchors, others, transpose_b=True) / self.temperature
        loss, _ = contrast(similarity, example_ids == theirs, theirs >= 0)
        return Terms(tf.reshape(loss, tf.shape(weight)), weight)
