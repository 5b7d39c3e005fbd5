"""PGD: the task's loss after several steps uphill in the word vectors, never far from the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tfsocial.objectives import perturbation
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms


@dataclass(frozen=True)
class PGD(Objective):
    """L(f(x + d_K), y), with d_0 = 0 and d_(k+1) = P(d_k + eta * g_k / |g_k|).

    g_k is the gradient of L at d_k, P the projection onto the ball |d| <= epsilon; norms are
    l2, over all word vectors of a text.
    Madry et al. (2018), Towards Deep Learning Models Resistant to Adversarial Attacks,
    arXiv:1706.06083, section 2.1, with the l2 ball.
    """

    task: str
    epsilon: Annotated[float, Field(gt=0.0)] = 1.0
    step_size: Annotated[float, Field(gt=0.0)] = 0.4
    steps: Annotated[int, Field(ge=1, le=16)] = 3

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        delta = self._further(step, 0.0, step.embedding_gradient(self.task))
        for _ in range(self.steps - 1):
            _, gradient = perturbation.climb(step, delta, lambda o: step.task_loss(self.task, o))
            delta = self._further(step, delta, gradient)
        return step.task_loss(self.task, step.perturbed(delta))

    def _further(self, step: Forward, delta, gradient):
        ahead = delta + perturbation.of_norm(gradient, step.batch, self.step_size)
        return perturbation.at_most(ahead, step.batch, self.epsilon)
