"""Loss spikes: told from noise, said, and taken back where the config says so."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras as keras

from tfsocial.config import LossSpike

log = logging.getLogger(__name__)

RECENT = 5  # losses; one alone may be a batch of hard examples
NORMAL = 1.4826  # standard deviations in the median absolute deviation of a normal distribution
LEAST_SPREAD = 0.01  # of the level, where losses hardly differ

RollBack = Callable[[int], int | None]


class LossSpikes(keras.callbacks.Callback):
    """Says when the loss has jumped and stayed up, and takes the weights back if it can.

    The level is the median of the last `window` losses and the spread their median absolute
    deviation, which a few outliers do not move: Hampel (1974), The Influence Curve and its Role in
    Robust Estimation, JASA 69. A spike is a median of the 5 losses after them that is more than
    `factor` spreads above the level. A loss is the mean over an execution's steps.

    Taken back, the run goes on with the next batches and not with those that led into the spike:
    PaLM skipped batches for the same reason (arXiv:2204.02311, section 5.1).

    Args:
        roll_back: takes the weights back to a checkpoint of at most so many steps and gives its
            steps, or None if there is none; left out, a spike is only said.
    """

    def __init__(self, settings: LossSpike, roll_back: RollBack | None = None):
        super().__init__()
        self.settings, self.roll_back = settings, roll_back
        self._losses: deque[float] = deque(maxlen=settings.window + RECENT)
        self._total, self._done = 0.0, 0

    def on_epoch_begin(self, epoch, logs=None):
        self._total, self._done = 0.0, 0

    def on_train_batch_end(self, batch, logs=None):
        self._losses.append(self._since_last(batch + 1, float(logs["loss"])))
        if len(self._losses) < self.settings.window + RECENT:
            return
        losses = [*self._losses]
        if jumped(losses[:-RECENT], losses[-RECENT:], self.settings.factor):
            self._answer(float(np.median(losses[:-RECENT])), float(np.median(losses[-RECENT:])))
            self._losses.clear()  # what is the level now is learned anew

    def state(self) -> dict[str, Any]:
        return {"losses": [*self._losses], "total": self._total, "done": self._done}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._losses.clear()
        self._losses.extend(state["losses"])
        self._total, self._done = state["total"], state["done"]

    def _since_last(self, done: int, mean: float) -> float:
        """Compute an execution's own loss; Keras's log is the mean since the start of the epoch."""
        before, self._total = self._total, mean * done
        steps, self._done = done - self._done, done
        return (self._total - before) / steps

    def _answer(self, level: float, now: float) -> None:
        step = int(self.model.optimizer.iterations.numpy())
        began = step - RECENT * self.model.steps_at_once
        said = f"loss spike: {now:.4g} since step {began + 1}, {level:.4g} before"
        if not self.roll_back:
            log.warning("%s; %s", said, REMEDIES)
            return
        restored = self.roll_back(began)
        if restored is None:
            log.warning("%s; no checkpoint from before it is left to go back to", said)
            return
        log.warning(
            "%s; weights are back at step %d, and go on with step %d", said, restored, step + 1
        )


REMEDIES = (
    "if it stays up: a lower optimizer.learning_rate, optimizer.clip_norm, or "
    "training.loss_spike.rollback=true"
)


def jumped(before: Sequence[float], recent: Sequence[float], factor: float) -> bool:
    """Say whether the recent losses lie more than `factor` spreads above those before.

    >>> jumped([1.0, 2.0, 3.0, 2.0], [9.0, 0.0, 9.0], factor=10.0)  # level 2, spread 0.7
    False
    >>> jumped([1.0, 2.0, 3.0, 2.0], [9.5, 0.0, 9.5], factor=10.0)
    True
    """
    level = float(np.median(before))
    spread = NORMAL * float(np.median(np.abs(np.asarray(before) - level)))
    return float(np.median(recent)) > level + factor * max(spread, LEAST_SPREAD * abs(level))
