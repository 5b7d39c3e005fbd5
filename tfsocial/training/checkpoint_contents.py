"""What is in a run's checkpoint: all that a step reads and changes, each under its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfsocial.models import parameters
from tfsocial.training.optimizers import base as optimizers
from tfsocial.training.social_model import SocialModel

FORMAT = 2  # weights by name; the first format, without a number, had them by position
LEARNED = ("weights", "optimizer", "terms", "averages", "moving", "pace")


def tracked(
    model: SocialModel, format: int = FORMAT, only: Sequence[str] | None = None
) -> tf.train.Checkpoint:
    """Collect all that a checkpoint of that format holds, or some sections of it."""
    sections = _variables_by_position(model) if format == 1 else _variables(model)
    return tf.train.Checkpoint(**{name: sections[name] for name in only or sections})


def _variables(model: SocialModel) -> dict[str, Any]:
    """Collect all that a step reads and changes, or that was drawn before the first, by name."""
    gradnorm = model.step.gradnorm
    probes = model.formula.constants.get("probe")
    return {
        "weights": parameters.of_text_model(model.text_model).variables,
        "generator": model.text_model.encoder.generator,
        "optimizer": _of_optimizer(model),
        "terms": model.term_variables,
        "averages": model.average.averages,
        "moving": model.moving_numbers,
        "pace": {**gradnorm.first, "begun": gradnorm.begun} if gradnorm else {},
        "metrics": metrics(model),
        "probes": parameters.of_heads(probes).variables if probes else {},
    }


def _of_optimizer(model: SocialModel) -> dict[str, Any]:
    """Collect what it remembers of each weight by the weight's name, and what it counts."""
    state = optimizers.counted(model.optimizer)
    for name, parameter in model.parameters.items():
        slots = optimizers.inner(model.optimizer).slots_of(parameter.variable)
        state |= {f"{name}/{slot}": variable for slot, variable in slots.items()}
    return state


def metrics(model: SocialModel) -> dict[str, tf.Variable]:
    """Collect what the epoch's means are made of."""
    return {
        f"{name}/{variable.name}": variable
        for name, metric in model.step_metrics.means.items()
        for variable in metric.variables
    }


def _variables_by_position(model: SocialModel) -> dict[str, Any]:
    """Collect the same as the first format has it."""
    return {
        name: [*variables.values()]
        for name, variables in _variables(model).items()
        if name != "generator"
    } | {"generator": model.text_model.encoder.generator, "optimizer": model.optimizer}


def by_name(model: SocialModel, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Read best weights of the first format: numbered, and as Keras lays them out."""
    weights = parameters.of_text_model(model.text_model)
    numbered = zip(weights.values(), sorted(arrays), strict=True)
    return {
        parameter.name: arrays[number].T if parameter.transposed else arrays[number]
        for parameter, number in numbered
    }
