"""What all optimizers share: the gradient's norm, clipping, what decays, each weight's rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from tfsocial.training.keras_private import OpenOptimizer, loss_scale


class BaseOptimizer(OpenOptimizer):
    """theta <- theta - eta_t * (direction + lambda * theta); a subclass says which direction.

    The decay is decoupled from the gradient: Loshchilov & Hutter (2019), Decoupled Weight Decay
    Regularization, arXiv:1711.05101.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ):
        super().__init__(learning_rate, weight_decay, clip_norm)
        self._multipliers: dict[str, float] = self.untracked({})
        self._begins: dict[str, int] = self.untracked({})
        self._slots: dict[str, dict[str, tf.Variable]] = self.untracked({})

    def multiply_rates(self, multipliers: Iterable[tuple[tf.Variable, float]]) -> None:
        """Let these learn so many times as fast as the schedule says."""
        self._multipliers.update({self.key(variable): by for variable, by in multipliers})

    def decay_none_of(self, variables: Iterable[tf.Variable]) -> None:
        """Spare these from weight decay; to be said before the optimizer is built."""
        self.exclude_from_weight_decay(var_list=list(variables))

    def hold_until(self, begins: Iterable[tuple[tf.Variable, int]]) -> None:
        """Let these stand still for so many steps.

        Their gradients are counted in the norm and remembered all the same: moments that were
        empty when a weight begins would make its first steps too long, since Adam corrects them
        for the steps of the run.
        """
        self._begins.update({self.key(variable): step for variable, step in begins})

    def build_state(self, variables: Sequence[tf.Variable]) -> None:
        """Make the norm on record and what the optimizer remembers of each variable."""
        self.gradient_norm = tf.Variable(
            0.0,
            trainable=False,
            name="gradient_norm",
            synchronization=tf.VariableSynchronization.ON_WRITE,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.build_slots(variables)

    def build_slots(self, variables: Sequence[tf.Variable]) -> None:
        """Make what the optimizer remembers of each variable."""
        raise NotImplementedError

    def slots(self, name: str, variables: Sequence[tf.Variable]) -> list[tf.Variable]:
        """Make a zero in the shape and dtype of each variable."""
        return [self.add_variable_from_reference(variable, name) for variable in variables]

    def add_variable_from_reference(self, model_variable, variable_name, *args, **kwargs):
        """Do as Keras does, and remember whose it is."""
        slot = super().add_variable_from_reference(model_variable, variable_name, *args, **kwargs)
        self._slots.setdefault(self.key(model_variable), {})[variable_name] = slot
        return slot

    def slots_of(self, variable: tf.Variable) -> dict[str, tf.Variable]:
        """Give what is remembered of a variable, by name; nothing of one that is frozen."""
        return dict(self._slots.get(self.key(variable), {}))

    def step(self) -> tf.Tensor:
        """Give t of the papers, float32 scalar; the first step is 1."""
        return tf.cast(self.iterations + 1, tf.float32)

    def rate(self, variable: tf.Variable) -> tf.Tensor:
        """Compute eta_t of this variable, float32 scalar."""
        key = self.key(variable)
        rate = self.learning_rate * self._multipliers.get(key, 1.0)
        begin = self._begins.get(key, 0)
        # A factor and not a shorter list of weights: the step is compiled once.
        return rate * tf.cast(self.iterations >= begin, rate.dtype) if begin else rate

    def decays(self, variable: tf.Variable) -> bool:
        """Say whether lambda is more than nothing for this variable."""
        return bool(self.weight_decay) and self.may_decay(variable)

    def decayed(self, direction: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        """Compute direction + lambda * theta, in the variable's shape."""
        if not self.decays(variable):
            return direction
        return direction + self.weight_decay * variable

    def clipped(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> list[tf.Tensor]:
        """Clip by the global norm, and record it: replicas' gradients were summed before.

        Dense from here on: the norm of a table's single rows is not that of their sum (each
        text has its own row for [CLS]), and XLA cannot know the shapes of deduplicated rows.

        Args:
            gradients: float32, each in its variable's shape, as what is returned.
        """
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        norm = tf.linalg.global_norm(gradients)
        self.gradient_norm.assign(norm)
        if not self.global_clipnorm:
            return gradients
        return tf.clip_by_global_norm(gradients, self.global_clipnorm, use_norm=norm)[0]


def inner(optimizer: keras.optimizers.Optimizer) -> BaseOptimizer:
    """Give the optimizer itself, where Keras has put one around it that scales losses."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def counted(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Collect what an optimizer that was built keeps of the whole run, by name."""
    unwrapped = inner(optimizer)
    state = {
        "iterations": unwrapped.iterations,
        "learning_rate": unwrapped.learning_rate,
        "gradient_norm": unwrapped.gradient_norm,
    }
    return state if optimizer is unwrapped else {**state, "loss_scale": loss_scale(optimizer)}
