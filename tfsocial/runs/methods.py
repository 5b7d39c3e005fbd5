"""What papers have to say about the step itself: setting -> what does it, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from tfsocial.config import Config, DriftConstraint
from tfsocial.objectives import weighing
from tfsocial.training import gradients, probe
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.callbacks.drift_constraint import DriftController
from tfsocial.training.optimizers import rates
from tfsocial.training.optimizers.build import OPTIMIZERS
from tfsocial.training.steps.gradnorm import GradNorm
from tfsocial.training.steps.sam import sam_ascent


class Method(NamedTuple):
    """One method.

    Attributes:
        does: the class or function that does what the setting says; its docstring has the paper.
        asked: the setting as a config has it, with its own number; empty where it is not set.
    """

    does: Callable[..., Any]
    asked: Callable[[Config], str]


def _setting(key: str, wanted: Callable[[Any], Any] = bool) -> Callable[[Config], str]:
    def asked(config: Config) -> str:
        value = attrgetter(key)(config)
        shown = f"{value:g}" if isinstance(value, float) else value
        return f"{key}={shown}" if wanted(value) else ""

    return asked


def _named(key: str, does: Mapping[str, Callable[..., Any]]) -> Mapping[str, Method]:
    """List the methods of a setting that says by name what it wants."""
    return {
        f"{key}={name}": Method(kind, _setting(key, name.__eq__)) for name, kind in does.items()
    }


def _drift_constraints(config: Config) -> str:
    return ", ".join(
        f"objectives.community.{name}.weight={{cosine: {term.weight.cosine:g}}}"
        for name, term in config.objectives.community.items()
        if isinstance(term.weight, DriftConstraint)
    )


WEIGHINGS: Mapping[str, Callable[..., Any]] = {
    "uncertainty": weighing.by_uncertainty,
    "gradnorm": GradNorm,
    "pcgrad": gradients.without_conflicts,
}
METHODS: Mapping[str, Method] = {
    **_named("objectives.weighing", WEIGHINGS),
    "objectives.community.feature_cosine.weight={cosine: 0.9}": Method(
        DriftController, _drift_constraints
    ),
    "objectives.sam_radius=0.05": Method(sam_ascent, _setting("objectives.sam_radius")),
    **_named("optimizer.name", OPTIMIZERS),
    "optimizer.layer_decay=0.85": Method(
        rates.multipliers, _setting("optimizer.layer_decay", lambda decay: decay < 1)
    ),
    "training.gradual_unfreezing_epochs=1": Method(
        rates.begins, _setting("training.gradual_unfreezing_epochs")
    ),
    "training.ema=0.999": Method(WeightAverage, _setting("training.ema")),
    **_named("model.head_init", {"probe": probe.fit}),
}
