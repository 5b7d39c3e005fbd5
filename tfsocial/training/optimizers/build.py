"""The menu of optimizers; from a config to the one a run learns with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from tfsocial import config
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
    chosen: config.Optimizer,
    total_steps: int,
    multipliers: Iterable[tuple[tf.Variable, float]] = (),
    begins: Iterable[tuple[tf.Variable, int]] = (),
) -> BaseOptimizer:
    """The optimizer of a run of so many steps; `rates` has what is peculiar to single weights."""
    built = OPTIMIZERS[chosen.name](
        schedule(chosen, total_steps),
        chosen.weight_decay,
        chosen.clip_norm,
        **chosen.knobs,
    )
    built.multiply_rates(multipliers)
    built.hold_until(begins)
    return built


def schedule(chosen: config.Optimizer, total_steps: int) -> WarmUpAndDecay:
    """The learning rate of a run of so many steps."""
    return WarmUpAndDecay(
        chosen.learning_rate,
        total_steps,
        round(chosen.warmup_fraction * total_steps),
        chosen.decay,
        chosen.final_fraction * chosen.learning_rate,
    )
