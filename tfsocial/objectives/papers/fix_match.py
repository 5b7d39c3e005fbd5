"""FixMatch: where the model is sure of a text, it learns its own answer on a changed one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class FixMatch(Objective):
    """1(max p >= confidence) * -log p'_c, c = argmax p held constant.

    p is the answer to the text as `data.augment` leaves it (weakly changed, or not at all), p' to
    its second view (`data.second_view`, strongly changed). Sohn et al. (2020), FixMatch:
    Simplifying Semi-Supervised Learning with Consistency and Confidence, arXiv:2001.07685,
    equation 4. It reads no labels: rows of train without one are the unlabelled pool.
    """

    task: str
    confidence: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.95

    kinds = ("classify",)
    needs = ("second_view",)

    def __call__(self, step: Forward) -> Terms:
        p = step.frozen(tf.nn.softmax(step.outputs.logits[self.task]))
        changed = step.second_view().logits[self.task]
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.argmax(p, -1), changed)
        sure = tf.reduce_max(p, -1) >= self.confidence
        return Terms(tf.where(sure, loss, 0.0), step.batch[WEIGHT])
