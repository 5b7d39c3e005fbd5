"""FreeLB: the mean of the task's losses on a walk uphill; every pass teaches theta too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives import perturbation
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms


@dataclass(frozen=True)
class FreeLB(Objective):
    """1/K * sum_{k < K} L(f(x + d_k), y), with d_(k+1) = P(d_k + eta * g_k / |g_k|).

    g_k is the gradient of L at d_k, P the projection onto the ball |d| <= epsilon, and d_0 is
    uniform in [-1, 1] times start / sqrt(n), n the numbers in the text's word vectors.

    Zhu, Cheng, Gan et al. (2020), FreeLB: Enhanced Adversarial Training for Natural Language
    Understanding, arXiv:1909.11764, algorithm 1. As there, dropout may differ between the steps.
    """

    task: str
    epsilon: Annotated[float, Field(gt=0.0)] = 0.6
    step_size: Annotated[float, Field(gt=0.0)] = 0.2
    start: Annotated[float, Field(ge=0.0)] = 0.2
    steps: Annotated[int, Field(ge=1, le=16)] = 2

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        delta, losses, mask = perturbation.uniform(step, self.start), [], None
        for _ in range(self.steps):
            (loss, mask), gradient = perturbation.climb(
                step, delta, lambda outputs: step.task_loss(self.task, outputs)
            )
            losses.append(loss)
            delta = delta + perturbation.of_norm(gradient, step.batch, self.step_size)
            delta = perturbation.at_most(delta, step.batch, self.epsilon)
        return Terms(tf.add_n(losses) / self.steps, mask)
