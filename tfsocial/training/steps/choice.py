"""From the objectives' section to what a step is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tfsocial.config import Objectives
from tfsocial.models.encoder import PackedBert
from tfsocial.objectives.weighing import Weighed
from tfsocial.text.batch import Batch
from tfsocial.training.steps.contract import Descent, Trained
from tfsocial.training.steps.cosines import Cosines
from tfsocial.training.steps.gradnorm import GradNorm, top_layer
from tfsocial.training.steps.in_parts import InParts
from tfsocial.training.steps.pcgrad import PCGrad
from tfsocial.training.steps.plain import Plain, Summed
from tfsocial.training.steps.sam import Sam


@dataclass(frozen=True)
class TrainingStep:
    """One step: the formula, its gradients, the weights moved.

    Attributes:
        descent: where the gradients come from.
        cosines: measures between terms before the weights move; None if nobody asked.
        gradnorm: moves the terms' weights after a step; None if the formula is not weighed so.
    """

    descent: Descent
    cosines: Cosines | None = None
    gradnorm: GradNorm | None = None

    def take(self, model: Trained, batch: Batch) -> Weighed:
        """Move the weights once.

        Returns:
            This replica's share of the formula before.
        """
        evaluated = self.descent.evaluate(model, batch)
        if self.cosines:
            self.cosines.update(model, evaluated)
        pairs = [*zip(evaluated.gradients, model.learned, strict=True)]
        model.optimizer.apply_gradients(pairs, skip_gradients_aggregation=evaluated.summed)
        if self.gradnorm:
            self.gradnorm.update(model, evaluated)
        return evaluated.weighed


# (whether the batch is taken in parts, objectives.weighing is pcgrad) -> gradients before an
# ascent or instead of the plain ones; a config that asks for both is refused.
SUMMED: Mapping[tuple[bool, bool], Callable[[int, PackedBert, bool], Descent]] = {
    (False, False): lambda parts, encoder, keep: Summed(keep),
    (False, True): lambda parts, encoder, keep: PCGrad(encoder.trainable_variables),
    (True, False): lambda parts, encoder, keep: InParts(parts),
}


def training_step(
    objectives: Objectives, parts: int, terms: Sequence[str], encoder: PackedBert
) -> TrainingStep:
    """Choose how a run's steps descend, and what is measured and moved beside the weights.

    Args:
        parts: that a batch is computed in.
        terms: names of the formula's terms.
    """
    cosines = gradnorm = None
    if objectives.weighing == "gradnorm":
        gradnorm = GradNorm(terms, objectives.gradnorm_alpha, top_layer(encoder))
    if objectives.cosines_every:
        cosines = Cosines(terms, objectives.cosines_every, encoder.trainable_variables)
    keep = bool(gradnorm or cosines)
    way = (parts > 1, objectives.weighing == "pcgrad")
    if not (objectives.sam_radius or any(way)):
        return TrainingStep(Plain(keep), cosines, gradnorm)
    descent = SUMMED[way](parts, encoder, keep)
    if objectives.sam_radius:
        descent = Sam(objectives.sam_radius, descent)
    return TrainingStep(descent, cosines, gradnorm)
