"""VAT: the answer should stay where the model itself finds it easiest to move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tfsocial.objectives import divergence, perturbation
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class VAT(Objective):
    """KL(p(x) || p(x + epsilon * g / |g|)), with g the gradient of KL(p(x) || p(x + xi * d)).

    d is a random direction of all word vectors of a text; p(x) is a constant here.

    Miyato, Maeda, Koyama & Ishii (2018), Virtual Adversarial Training, arXiv:1704.03976,
    algorithm 1 with one power iteration; on text: arXiv:1605.07725, equation 7. It needs
    no labels. For values the divergence is (z1 - z2)^2.
    """

    task: str
    epsilon: Annotated[float, Field(gt=0.0)] = 1.0
    xi: Annotated[float, Field(gt=0.0)] = 0.1

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        target = step.frozen(step.outputs.logits[self.task])

        def moved(outputs) -> Terms:
            kind, logits = step.kinds[self.task], outputs.logits[self.task]
            return Terms(divergence.from_to(kind, target, logits), step.batch[WEIGHT])

        direction = perturbation.of_norm(step.noise(), step.batch, self.xi)
        _, gradient = perturbation.climb(step, direction, moved)
        return moved(step.perturbed(perturbation.of_norm(gradient, step.batch, self.epsilon)))
