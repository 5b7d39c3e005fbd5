"""Label prototypes: a text should lie nearest to the name of its own label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.objectives.task.shared import class_labels


@dataclass(frozen=True)
class LabelPrototypes(Objective):
    """-log( exp(cos(f(x), f(n_y)) / t) / sum_c exp(cos(f(x), f(n_c)) / t) ), n_c c's name.

    f is the pooled vector, of texts and of label names, from the encoder that learns. Müller,
    Pérez-Torró & Franco-Salvador (2022), Few-Shot Learning with Siamese Networks and Label
    Tuning, arXiv:2203.14655, section 3: their batch holds each label once, here all labels
    are the candidates of every text. Names are read as words: `card_arrival` as "card arrival".

    Where names say nothing (numbers, codes, a language that M0 does not read) it only gets in the
    way: with `min_name_separation` it is left out if M0's vectors of train's texts are nearer to
    their own label's name than to another's in less than that share of comparisons; 0.5 is chance.
    """

    task: str
    temperature: Annotated[float, Field(gt=0.0)] = 0.1
    min_name_separation: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0

    kinds = ("classify",)
    needs = ("label_embeddings", "name_separation")

    def __call__(self, step: Forward) -> Terms:
        labels, mask = class_labels(step, self.task)
        if step.name_separation(self.task) < self.min_name_separation:
            nothing = tf.zeros_like(mask)
            return Terms(nothing, nothing)
        texts = tf.math.l2_normalize(step.outputs.pooled, -1)
        names = tf.math.l2_normalize(step.label_embeddings(self.task), -1)
        cosines = tf.tensordot(texts, names, [[-1], [-1]])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, cosines / self.temperature)
        return Terms(loss, mask)
