"""FGM: the task's loss after one step uphill in the word vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tfsocial.objectives import perturbation
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms


@dataclass(frozen=True)
class FGM(Objective):
    """L(f(x + epsilon * g / |g|), y), with g the gradient of L(f(x), y) in the word vectors x.

    Miyato, Dai & Goodfellow (2017), Adversarial Training Methods for Semi-Supervised Text
    Classification, arXiv:1605.07725, equation 5. `epsilon` is the l2 length over all word
    vectors of a text (MiniLM's have a length of about 1 each).
    """

    task: str
    epsilon: Annotated[float, Field(gt=0.0)] = 1.0

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        uphill = perturbation.of_norm(step.embedding_gradient(self.task), step.batch, self.epsilon)
        return step.task_loss(self.task, step.perturbed(uphill))
