"""The one place that leans on what Keras does not promise: a test fails when it changes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

Steps = Callable[[Iterator], dict]  # an execution's steps on the batches of an iterator


class FittedModel(keras.Model):
    """A model whose `fit` can begin in the middle of an epoch, and whose train function is open."""

    train_function: Steps | None  # where Keras keeps it

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._start = (0, 0)
        self._wrap: Callable[[Steps], Steps] | None = None

    def start_at(self, epoch: int, step: int) -> None:
        """Let the next `fit` begin there, in the middle of an epoch perhaps."""
        self._start = (epoch, step)

    def wrap_steps(self, wrap: Callable[[Steps], Steps]) -> None:
        """Let `fit` call what `wrap` makes of its train function.

        Args:
            wrap: gets the train function in Python, before it was traced; gives a traced one.
        """
        self._wrap = wrap

    def _maybe_load_initial_counters_from_ckpt(self, steps_per_epoch, initial_epoch):
        """Say where to begin, as Keras asks its BackupAndRestore; `initial_epoch` alone cannot."""
        return self._start

    def make_train_function(self, force=False):
        """Make Keras's, wrapped where somebody asked for it."""
        if not self._wrap or (self.train_function is not None and not force):
            return super().make_train_function(force)
        self.train_function = self._wrap(super().make_train_function(force).python_function)
        return self.train_function


class OpenOptimizer(keras.optimizers.Optimizer):
    """An optimizer whose hooks have names of ours; a subclass defines what raises here.

    Args:
        learning_rate: a number or a schedule.
        weight_decay: lambda of the variables that decay.
        clip_norm: of the global gradient; None for none.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        weight_decay: float,
        clip_norm: float | None,
    ):
        # Not compiled here: the train step is, as a whole or not at all.
        super().__init__(
            type(self).__name__, weight_decay, global_clipnorm=clip_norm, jit_compile=False
        )
        self._learning_rate = self._build_learning_rate(learning_rate)

    def build_state(self, variables: Sequence[tf.Variable]) -> None:
        """Make all that the optimizer remembers; called once."""
        raise NotImplementedError

    def clipped(self, gradients: Sequence[tf.Tensor | tf.IndexedSlices]) -> list[tf.Tensor]:
        """Clip gradients that were summed over replicas."""
        raise NotImplementedError

    def untracked(self, value: Any) -> Any:
        """Give a container that Keras does not look into for variables."""
        return self._no_dependency(value)

    def key(self, variable: tf.Variable) -> str:
        """Give a variable's name among the optimizer's; a replica's copy has that of the whole."""
        return self._var_key(variable)

    def index(self, variable: tf.Variable) -> int:
        """Give the variable's place in its slots."""
        return self._index_dict[self._var_key(variable)]

    def may_decay(self, variable: tf.Variable) -> bool:
        """Say whether the variable is not among those excluded from weight decay."""
        return self._use_weight_decay(variable)

    def build(self, var_list):
        """Build once; Keras itself asks at every trace."""
        if getattr(self, "_built", False):
            return
        super().build(var_list)
        self.build_state(var_list)
        self._built = True

    def _deduplicate_sparse_grad(self, grads):
        """Leave them: `clipped` makes them dense."""
        return grads

    def _clip_gradients(self, grads):
        return self.clipped(grads)

    def _apply_weight_decay(self, variables):
        """Do nothing: `update_step` decays, in the same pass."""


def loss_scale(optimizer: keras.mixed_precision.LossScaleOptimizer) -> tf.Module:
    """Give what keeps the scale of a loss; the public property gives the number alone."""
    return optimizer._loss_scale
