"""What all optimizers share: the gradient's norm, clipping, what decays, each weight's rate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras


class BaseOptimizer(keras.optimizers.Optimizer):
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
        # Not compiled here: the train step is, as a whole or not at all.
        super().__init__(
            type(self).__name__, weight_decay, global_clipnorm=clip_norm, jit_compile=False
        )
        self._learning_rate = self._build_learning_rate(learning_rate)
        self._multipliers: dict[str, float] = self._no_dependency({})
        self._begins: dict[str, int] = self._no_dependency({})
        self._slots: dict[str, dict[str, tf.Variable]] = self._no_dependency({})

    def multiply_rates(self, multipliers: Iterable[tuple[tf.Variable, float]]) -> None:
        """These learn so many times as fast as the schedule says; the others as it says."""
        self._multipliers.update({self._var_key(variable): by for variable, by in multipliers})

    def decay_none_of(self, variables: Iterable[tf.Variable]) -> None:
        """These have no weight decay; to be said before the optimizer is built."""
        self.exclude_from_weight_decay(var_list=list(variables))

    def hold_until(self, begins: Iterable[tuple[tf.Variable, int]]) -> None:
        """These stand still for so many steps.

        Their gradients are counted in the norm and remembered all the same: moments that were
        empty when a weight begins would make its first steps too long, since Adam corrects them
        for the steps of the run.
        """
        self._begins.update({self._var_key(variable): step for variable, step in begins})

    def build(self, var_list):
        if getattr(self, "_built", False):
            return
        super().build(var_list)
        self.gradient_norm = tf.Variable(
            0.0,
            trainable=False,
            name="gradient_norm",
            synchronization=tf.VariableSynchronization.ON_WRITE,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.build_slots(var_list)
        self._built = True

    def build_slots(self, variables: Sequence[tf.Variable]) -> None:
        """Makes what the optimizer remembers of each variable."""
        raise NotImplementedError

    def slots(self, name: str, variables: Sequence[tf.Variable]) -> list[tf.Variable]:
        """A zero in the shape of each variable."""
        return [self.add_variable_from_reference(variable, name) for variable in variables]

    def add_variable_from_reference(self, model_variable, variable_name, *args, **kwargs):
        """As Keras does, and remembers whose it is."""
        slot = super().add_variable_from_reference(model_variable, variable_name, *args, **kwargs)
        self._slots.setdefault(self._var_key(model_variable), {})[variable_name] = slot
        return slot

    def slots_of(self, variable: tf.Variable) -> dict[str, tf.Variable]:
        """What is remembered of a variable, by names of its own; nothing of one that is frozen."""
        return dict(self._slots.get(self._var_key(variable), {}))

    def index(self, variable: tf.Variable) -> int:
        """The variable's place in its slots; a replica's copy has that of the whole."""
        return self._index_dict[self._var_key(variable)]

    def step(self) -> tf.Tensor:
        """t of the papers, float32; the first step is 1."""
        return tf.cast(self.iterations + 1, tf.float32)

    def rate(self, variable: tf.Variable) -> tf.Tensor:
        """eta_t of this variable."""
        key = self._var_key(variable)
        rate = self.learning_rate * self._multipliers.get(key, 1.0)
        begin = self._begins.get(key, 0)
        # A factor and not a shorter list of weights: the step is compiled once.
        return rate * tf.cast(self.iterations >= begin, rate.dtype) if begin else rate

    def decays(self, variable: tf.Variable) -> bool:
        """Whether lambda is more than nothing for this variable."""
        return bool(self.weight_decay) and self._use_weight_decay(variable)

    def decayed(self, direction: tf.Tensor, variable: tf.Variable) -> tf.Tensor:
        """direction + lambda * theta."""
        if not self.decays(variable):
            return direction
        return direction + self.weight_decay * variable

    def _deduplicate_sparse_grad(self, grads):
        """Nothing here: `_clip_gradients` has made them dense."""
        return grads

    def _clip_gradients(self, grads):
        """Runs after replicas' gradients were summed, so the norm is the global one.

        Dense from here on: the norm of a table's single rows is not that of their sum (each
        text has its own row for [CLS]), and XLA cannot know the shapes of deduplicated rows.
        """
        grads = [tf.convert_to_tensor(grad) for grad in grads]
        norm = tf.linalg.global_norm(grads)
        self.gradient_norm.assign(norm)
        if not self.global_clipnorm:
            return grads
        return tf.clip_by_global_norm(grads, self.global_clipnorm, use_norm=norm)[0]

    def _apply_weight_decay(self, variables):
        """Nothing here: `update_step` decays, in the same pass."""


def inner(optimizer: keras.optimizers.Optimizer) -> BaseOptimizer:
    """The optimizer itself, where Keras has put one around it that scales losses for float16."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def counted(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """What an optimizer that was built keeps of the whole run, by name."""
    own = inner(optimizer)
    found = {
        "iterations": own.iterations,
        "learning_rate": own.learning_rate,
        "gradient_norm": own.gradient_norm,
    }
    if optimizer is not own:
        # Its own property gives the number and not what keeps it.
        found["loss_scale"] = optimizer._loss_scale
    return found
