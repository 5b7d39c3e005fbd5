"""Exact resume: what a run must remember to go on as if it had never been killed.

The position in the data needs no state: batches are a pure function of seed and step. How a
checkpoint lies on disk is in `checkpoint_files`.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Config
from tfsocial.errors import InputError
from tfsocial.training import checkpoint_contents as contents
from tfsocial.training import checkpoint_files as files
from tfsocial.training.checkpoint_files import FAILURES, Checkpoint, reason
from tfsocial.training.config_changes import ELSEWHERE, refuse_changes, unreadable
from tfsocial.training.social_model import SocialModel

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
OTHER_VARIABLES = (
    "holds other variables than this config trains; what decides them (model, optimizer, terms "
    "of the formula, training.frozen_layers, tuned, ema and float16) cannot change within a run"
)


class Interrupted(RuntimeError):
    """The run was asked to stop and has kept what it needs; the message says how to go on."""


class Unreachable(RuntimeError):
    """Whether there are checkpoints cannot be told now; to begin anew might lose them."""


class Stateful(Protocol):
    """A callback whose state belongs to a checkpoint."""

    def state(self) -> dict[str, Any]:
        """Give what JSON can hold."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""


class KeepsBest(Protocol):
    """One who keeps the best weights so far, by name."""

    weights: Mapping[str, np.ndarray] | None


class CheckpointCallback(keras.callbacks.Callback):
    """Writes checkpoints; restores one; stops the run when the system asks for it.

    Args:
        folder: of all checkpoints, local or of any filesystem TensorFlow knows.
        config: of the run.
        data: fingerprint of what it trains on.
        callbacks: name -> a callback whose state is kept; it must run before this one.
        best: who keeps the best weights, if somebody does.
        every: steps between two checkpoints.
        keep: how many finished checkpoints stay.
        source: folder they are restored from, if it is another one: all workers read the chief's.
    """

    def __init__(
        self,
        model: SocialModel,
        folder: str,
        config: Config,
        data: str,
        callbacks: Mapping[str, Stateful],
        best: KeepsBest | None,
        every: int,
        keep: int,
        source: str | None = None,
    ):
        super().__init__()
        self.set_model(model)
        self.source = source or folder
        self.folder, self.callbacks, self.best = folder, callbacks, best
        self.config, self.data = config, data
        self.every, self.keep = every, keep
        self.metrics = contents.metrics(model)
        self._begun: tuple[Mapping[str, Any], Mapping[str, np.ndarray]] | None = None
        self._saved = self._asked = 0
        self._in_step = False
        self._before: dict[int, Any] = {}

    def restore_latest(self, accept: bool = False) -> Checkpoint | None:
        """Restore the latest checkpoint that can be read.

        Args:
            accept: whether it may be of another config.

        Raises:
            InputError: it is of another config, of other data, or of other variables.
            Unreachable: the filesystem does not say which there are.
        """
        for checkpoint in self._candidates():
            self._check(checkpoint, accept)
            try:
                self._restore(checkpoint)
            except FAILURES as error:
                log.warning("checkpoint %s cannot be read (%s)", checkpoint.folder, reason(error))
                continue
            except (ValueError, AssertionError):  # TensorFlow's, of shapes and of what is missing
                raise InputError(
                    f"{checkpoint.folder}: {OTHER_VARIABLES}; undo that, or {ELSEWHERE}"
                ) from None
            log.info("going on from step %d", checkpoint.step)
            return checkpoint
        return None

    def _check(self, checkpoint: Checkpoint, accept: bool) -> None:
        """Refuse what is of another config, unless that is accepted, or of other data."""
        if not accept:
            if checkpoint.unreadable:
                raise unreadable(checkpoint.folder, checkpoint.unreadable)
            refuse_changes(checkpoint.folder, checkpoint.config, self.config)
        if checkpoint.data != self.data:
            raise InputError(
                f"{checkpoint.folder}: was written while training on other data; bring the files "
                f"back as they were, or {ELSEWHERE}"
            )

    def _candidates(self) -> list[Checkpoint]:
        try:
            return files.find(self.source)
        except FAILURES as error:
            raise Unreachable(
                f"checkpoints in {self.source} cannot be read now ({reason(error)}); no step "
                "was taken, so that none of them is lost: try the same command again"
            ) from None

    def roll_back(self, step: int) -> int | None:
        """Take what is learned back to the latest checkpoint of at most so many steps.

        Steps, batches and chance go on from here: from there they would lead here again.

        Returns:
            The steps of that checkpoint; None where none is left that can be read.
        """
        now = self.model.optimizer.iterations.numpy()
        try:
            earlier = [
                checkpoint for checkpoint in files.find(self.source) if checkpoint.step <= step
            ]
        except FAILURES as error:
            log.warning("checkpoints in %s cannot be read (%s)", self.source, reason(error))
            return None
        for checkpoint in earlier:
            if self._learned_from(checkpoint):
                self.model.optimizer.iterations.assign(now)
                return checkpoint.step
        return None

    def _learned_from(self, checkpoint: Checkpoint) -> bool:
        try:
            tracked = contents.tracked(self.model, checkpoint.format, contents.LEARNED)
            state = tracked.read(checkpoint.state)
        except FAILURES as error:
            log.warning("checkpoint %s cannot be read (%s)", checkpoint.folder, reason(error))
            return False
        state.assert_existing_objects_matched().expect_partial()
        return True

    def save(self, ended: bool = False) -> None:
        """Write a checkpoint of now; where that fails, the run goes on and says so."""
        step = int(self.model.optimizer.iterations.numpy())
        folder = files.of_step(self.folder, step, ended)
        if step == self._saved and not ended:
            return
        try:
            self._write(folder, step, ended)
        except FAILURES as error:
            log.warning(
                "no checkpoint of step %d: %s (%s); the last one is of step %d",
                step,
                folder,
                reason(error),
                self._saved,
            )
            files.remove(folder)
            return
        self._saved = step
        files.prune(self.folder, 1 if ended else self.keep)

    def on_train_begin(self, logs=None):
        self._before = _catch(self._ask)

    def on_train_end(self, logs=None):
        self.release_signals()

    def release_signals(self) -> None:
        """Give the signals back to who handled them before training began."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def on_epoch_begin(self, epoch, logs=None):
        """Put back the epoch so far: Keras and the callbacks before have just forgotten it."""
        if self._begun:
            states, metrics = self._begun
            self._begun = None
            self._tell(states)
            for name, value in metrics.items():
                self.metrics[name].assign(value)

    def on_epoch_end(self, epoch, logs=None):
        self._begun = None  # the epoch that was gone on with is over

    def on_train_batch_begin(self, batch, logs=None):
        self._in_step = True

    def on_train_batch_end(self, batch, logs=None):
        """Save if it is time: as the last callback of a step, here all is of one step."""
        step = int(self.model.optimizer.iterations.numpy())
        if step // self.every > self._saved // self.every:
            self.save()
        if self._asked:
            self.save()
            self._stop()
        self._in_step = False

    def _ask(self, number: int, frame: Any) -> None:
        """Wait for the end of a step; outside, as while dev is scored, stop without saving.

        Asked twice, a run stops at once.
        """
        asked_before, self._asked = self._asked, number
        if asked_before:
            raise KeyboardInterrupt
        if not self._in_step:
            self._stop()

    def _stop(self) -> None:
        self.release_signals()
        raise Interrupted(
            f"stopped by {signal.Signals(self._asked).name}; the last checkpoint is of step "
            f"{self._saved}: the same command goes on from there"
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        best = checkpoint.best() if self.best else None
        contents.tracked(self.model, checkpoint.format).read(checkpoint.state).assert_consumed()
        if self.best and best is not None:
            self.best.weights = (
                best if checkpoint.format > 1 else contents.by_name(self.model, best)
            )
        self._tell(checkpoint.states)
        self._begun = (
            checkpoint.states,
            {name: variable.numpy() for name, variable in self.metrics.items()},
        )
        self._saved = checkpoint.step

    def _tell(self, states: Mapping[str, Any]) -> None:
        for name, callback in self.callbacks.items():
            if name in states:  # else it came with a release later than the checkpoint's
                callback.restore(states[name])

    def _write(self, folder: str, step: int, ended: bool) -> None:
        files.remove(folder)
        tf.io.gfile.makedirs(folder)
        states = {name: callback.state() for name, callback in self.callbacks.items()}
        checkpoint = Checkpoint(
            folder, step, ended, self.data, self.config, states, contents.FORMAT
        )
        contents.tracked(self.model).write(checkpoint.state)
        if self.best and self.best.weights is not None:
            files.write_best(folder, self.best.weights)
        files.finish(checkpoint)


def _catch(handler: Any) -> dict[int, Any]:
    """Have the signals handled; give who handled them before, outside of the main thread nobody."""
    try:
        return {number: signal.signal(number, handler) for number in SIGNALS}
    except ValueError:
        return {}
