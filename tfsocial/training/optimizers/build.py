"""The menu of optimizers; from a config to the one a run learns with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from tfsocial import config
from tfsocial.models.parameters import Parameters
from tfsocial.training.optimizers import rates
from tfsocial.training.optimizers.adafactor import Adafactor
from tfsocial.training.optimizers.adamw import AdamW
from tfsocial.training.optimizers.base import BaseOptimizer
from tfsocial.training.optimizers.lamb import Lamb
from tfsocial.training.optimizers.lion import Lion
from tfsocial.training.optimizers.schedule import WarmUpAndDecay

OPTIMIZERS: Mapping[str, type[BaseOptimizer]] = {
    "adamw": AdamW,
    "adafactor": Adafactor,
    "lamb": Lamb,
    "lion": Lion,
}


def optimizer(
    settings: config.AnyOptimizer,
    total_steps: int,
    multipliers: Iterable[tuple[tf.Variable, float]] = (),
    begins: Iterable[tuple[tf.Variable, int]] = (),
    not_decayed: Iterable[tf.Variable] = (),
) -> BaseOptimizer:
    """Make the optimizer of a run of so many steps.

    Args:
        multipliers: see `rates.multipliers`.
        begins: see `rates.begins`.
        not_decayed: variables without weight decay.
    """
    built = OPTIMIZERS[settings.name](
        schedule(settings, total_steps),
        settings.weight_decay,
        settings.clip_norm,
        **settings.knobs,
    )
    built.multiply_rates(multipliers)
    built.hold_until(begins)
    built.decay_none_of(not_decayed)
    return built


def of_parameters(
    parameters: Parameters,
    settings: config.AnyOptimizer,
    total_steps: int,
    steps_per_layer: float = 0.0,
) -> BaseOptimizer:
    """Make the optimizer of a model; what is peculiar to a weight follows from role and layer.

    Args:
        steps_per_layer: see `rates.begins`.
    """
    multipliers = rates.multipliers(parameters, settings)
    begins = rates.begins(parameters, steps_per_layer)
    not_decayed = parameters.where(lambda parameter: not parameter.decays).variables
    return optimizer(
        settings,
        total_steps,
        parameters.by_variable(multipliers),
        parameters.by_variable(begins),
        not_decayed.values(),
    )


def schedule(settings: config.Optimizer, total_steps: int) -> WarmUpAndDecay:
    """Make the learning rate's schedule of a run of so many steps."""
    return WarmUpAndDecay(
        settings.learning_rate,
        total_steps,
        round(settings.warmup_fraction * total_steps),
        settings.decay,
        settings.final_fraction * settings.learning_rate,
    )
