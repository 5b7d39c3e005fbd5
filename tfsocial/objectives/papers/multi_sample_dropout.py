"""Multi-sample dropout: the head learns from several dropout samples of one encoder pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms


@dataclass(frozen=True)
class MultiSampleDropout(Objective):
    """1/M * sum_m L(h(drop_m(f(x))), y), M dropout samples of the pooled vector under one head h.

    Inoue (2019), Multi-Sample Dropout for Accelerated Training and Better Generalization,
    arXiv:1905.09788, section 3. Its cost is that of the head, next to nothing.
    """

    task: str
    samples: Annotated[int, Field(ge=1, le=64)] = 4

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        outputs = step.outputs
        terms = [
            step.task_loss(self.task, outputs._replace(logits=step.heads(outputs.pooled)))
            for _ in range(self.samples)
        ]
        return Terms(tf.add_n([loss for loss, _ in terms]) / self.samples, terms[0].mask)
