"""SMART: the answer should not change in the worst direction near the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf
from pydantic import Field

from tfsocial.objectives import divergence, perturbation
from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class SMART(Objective):
    """max over |d|_inf <= epsilon of KL(p(x) || p(x + d)) + KL(p(x + d) || p(x)).

    For values the divergence is (z1 - z2)^2. d is found by `steps` of ascent from normal noise
    of deviation `start`, each gradient divided by its largest entry per text; both sides of
    the divergence learn.

    Jiang, He, Chen et al. (2020), SMART: Robust and Efficient Fine-Tuning for Pre-trained
    Natural Language Models, arXiv:1911.03437, equation 2 (its Bregman term, equation 3, is
    another way of staying near the last weights and not part of this term). It needs no labels.
    """

    task: str
    epsilon: Annotated[float, Field(gt=0.0)] = 1e-2
    step_size: Annotated[float, Field(gt=0.0)] = 1e-2
    start: Annotated[float, Field(gt=0.0)] = 1e-3
    steps: Annotated[int, Field(ge=1, le=16)] = 1

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        delta = perturbation.on_tokens(self.start * step.noise(), step.batch)
        for _ in range(self.steps):
            _, gradient = perturbation.climb(
                step, delta, lambda outputs: self._apart(step, outputs)
            )
            ahead = delta + self.step_size * perturbation.of_peak(gradient, step.batch)
            delta = tf.clip_by_value(ahead, -self.epsilon, self.epsilon)
        return self._apart(step, step.perturbed(delta))

    def _apart(self, step: Forward, outputs) -> Terms:
        answers = (step.outputs.logits[self.task], outputs.logits[self.task])
        # The paper adds both directions of KL where R-Drop halves them.
        twice = 1 if step.kinds[self.task] == "regress" else 2
        return Terms(
            twice * divergence.symmetric(step.kinds[self.task], *answers), step.batch[WEIGHT]
        )
