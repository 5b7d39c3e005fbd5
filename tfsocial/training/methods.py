"""What papers have to say about the step itself: setting -> the class or function that does it."""

from __future__ import annotations

from collections.abc import Mapping

from tfsocial.objectives import weighing
from tfsocial.training import gradients, probe, sharpness
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.budget import KeepNear
from tfsocial.training.optimizers import rates
from tfsocial.training.optimizers.build import OPTIMIZERS
from tfsocial.training.pace import GradNorm

METHODS: Mapping[str, object] = {
    "objectives.weighing=uncertainty": weighing.by_uncertainty,
    "objectives.weighing=gradnorm": GradNorm,
    "objectives.weighing=pcgrad": gradients.without_conflicts,
    "objectives.community.feature_cosine.weight={cosine: 0.9}": KeepNear,
    "objectives.sharpness=0.05": sharpness.climbed,
    **{f"optimizer.name={name}": kind for name, kind in OPTIMIZERS.items()},
    "optimizer.layer_decay=0.85": rates.multipliers,
    "training.unfreeze_every=1": rates.begins,
    "training.ema=0.999": WeightAverage,
    "model.head_init=probe": probe.fit,
}
