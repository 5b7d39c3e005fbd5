"""Cutoff: a text of which a part is cut off keeps its label, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tfsocial.objectives import divergence
from tfsocial.objectives.contract import Forward, Objective, Terms


@dataclass(frozen=True)
class Cutoff(Objective):
    """L(x') + d * (1/2 * KL(p || m) + 1/2 * KL(p' || m)), with m = (p + p') / 2 and x' a cut-off x.

    Shen et al. (2020), A Simple but Tough-to-Beat Data Augmentation Approach for Natural
    Language Understanding and Generation, arXiv:2009.13818, section 3, with one cut-off view;
    d is `divergence`, beta / alpha there. What is cut off `data.second_view` says:
    `[{cutoff: {rate: 0.1}}]`. A multilabel task takes the divergence of each label's Bernoulli,
    summed.
    """

    task: str
    divergence: Annotated[float, Field(ge=0.0)] = 1.0

    kinds = ("classify", "multilabel")
    needs = ("second_view",)

    def __call__(self, step: Forward) -> Terms:
        whole, cut = step.outputs, step.second_view()
        loss, mask = step.task_loss(self.task, cut)
        logits = (outputs.logits[self.task] for outputs in (whole, cut))
        apart = divergence.jensen_shannon(step.kinds[self.task], *logits)
        return Terms(loss + self.divergence * apart, mask)
