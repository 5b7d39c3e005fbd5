"""NEFTune: the task's loss on word vectors with a little noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tfsocial.objectives import perturbation
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms


@dataclass(frozen=True)
class NEFTune(Objective):
    """L(f(x + noise * u / sqrt(n)), y), u uniform in [-1, 1], n the numbers in x's word vectors.

    Jain, Chiang, Wen et al. (2023), NEFTune: Noisy Embeddings Improve Instruction
    Finetuning, arXiv:2310.05914, algorithm 1; `noise` is the paper's alpha. The paper trains
    on this loss alone: give the task a weight of 0 for that.
    """

    task: str
    noise: Annotated[float, Field(gt=0.0)] = 5.0

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        noise = perturbation.uniform(step, self.noise)
        return step.task_loss(self.task, step.perturbed(noise))
