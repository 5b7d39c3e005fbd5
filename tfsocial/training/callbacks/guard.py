"""Stops a run whose loss is no number any more, and one that has taken all its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import tf_keras as keras


class Diverged(RuntimeError):
    """The loss stopped being a finite number; the message names step and term."""


class Guard(keras.callbacks.Callback):
    """Stop at the last step, or at the first loss that is not finite, and say which term it was.

    Under XLA an assertion inside the step passes silently, so the check is made here, on
    the metrics of every step.
    """

    def __init__(self, total_steps: int):
        super().__init__()
        self.total_steps = total_steps

    def on_train_batch_end(self, batch, logs=None):
        step = int(self.model.optimizer.iterations.numpy())
        if not math.isfinite(logs["loss"]):
            raise Diverged(self._diagnosis(step, logs))
        if step >= self.total_steps:  # an epoch that max_steps cuts short
            self.model.stop_training = True

    def _diagnosis(self, step: int, logs: Mapping[str, float]) -> str:
        terms = [name for name, value in logs.items() if not math.isfinite(value)]
        culprits = [name.removeprefix("raw/") for name in terms if name.startswith("raw/")]
        return (
            f"the loss is not finite at step {step}; first in {', '.join(culprits or terms)}. "
            "The usual remedies: a lower optimizer.learning_rate, a lower weight of that term, "
            "training.precision=float32"
        )
