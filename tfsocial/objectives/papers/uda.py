"""UDA: a text that was changed should get the answer of the text as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class UDA(Objective):
    """1(max p > confidence) * KL(p_T || p'), p = softmax(z), p_T = softmax(z / T).

    p and p_T are held constant; p' is the answer to the text's second view (`data.second_view`).
    Xie et al. (2020), Unsupervised Data Augmentation for Consistency Training, arXiv:1904.12848,
    equation 1 with section 2.4's mask and sharpening; its training-signal annealing is the task
    loss `annealed_cross_entropy`. It reads no labels: rows of train without one are the
    unlabelled pool. Where the model is not sure a text counts with 0, as in the paper's code.
    """

    task: str
    confidence: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.8
    temperature: Annotated[float, Field(gt=0.0)] = 0.4

    kinds = ("classify",)
    needs = ("second_view",)

    def __call__(self, step: Forward) -> Terms:
        whole = step.outputs.logits[self.task]
        log_p = step.frozen(tf.nn.log_softmax(whole))
        target = tf.nn.log_softmax(log_p / self.temperature)
        log_changed = tf.nn.log_softmax(step.second_view().logits[self.task])
        apart = tf.reduce_sum(tf.exp(target) * (target - log_changed), -1)
        sure = tf.reduce_max(tf.exp(log_p), -1) > self.confidence
        return Terms(tf.where(sure, apart, 0.0), step.batch[WEIGHT])
