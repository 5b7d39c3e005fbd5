"""R-Drop: two dropout passes over a text should agree."""

from __future__ import annotations

from dataclasses import dataclass

from tfsocial.objectives import divergence
from tfsocial.objectives.contract import Forward, Objective, Terms
from tfsocial.text.batch import WEIGHT


@dataclass(frozen=True)
class RDrop(Objective):
    """1/2 * (KL(p1 || p2) + KL(p2 || p1)), p1 and p2 from passes with different dropout.

    Liang, Wu, Li et al. (2021), R-Drop: Regularized Dropout for Neural Networks,
    arXiv:2106.14448, equation 2. The paper adds alpha times this to the cross-entropy of both
    passes; L here is that of one, so alpha / 2 is this term's weight. It needs no labels. A
    multilabel task takes the KL of each label's Bernoulli, summed.
    """

    task: str

    kinds = ("classify", "multilabel")

    def __call__(self, step: Forward) -> Terms:
        first, second = (pass_.logits[self.task] for pass_ in (step.outputs, step.again()))
        kind = step.kinds[self.task]
        return Terms(divergence.symmetric(kind, first, second), step.batch[WEIGHT])
