"""Exact resume: what a run must remember to go on as if it had never been killed.

A checkpoint is a folder named after its step: TensorFlow's own files for all variables, the best
weights so far, and last of all `manifest.json` with the size of each file. One without a manifest,
or whose files do not have those sizes, was never finished and is never taken. That needs no
rename, so it holds on gs:// as well. The position in the data needs no state: batches are a pure
function of seed and step.
"""

from __future__ import annotations

import json
import logging
import re
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import safetensors.numpy
import tensorflow as tf
import tf_keras as keras
from safetensors import SafetensorError

from tfsocial.config import Config, InputError, parse
from tfsocial.training.step import SocialModel

log = logging.getLogger(__name__)

MANIFEST, BEST, STATE, ENDED = "manifest.json", "best.safetensors", "state", "-ended"
LEARNED = ("weights", "optimizer", "terms", "averages", "moving", "pace")
SIGNALS = (signal.SIGTERM, signal.SIGINT)
OTHER_VARIABLES = (
    "holds other variables than this config trains; what decides them (model, optimizer, terms "
    "of the formula, training.frozen_layers, ema and float16) cannot change within a run"
)
ELSEWHERE = "name a new --workdir (and other training.checkpoints, where that is set)"
# Of a disk; of a filesystem of TensorFlow's; of a file that is not what was written.
FAILURES = (OSError, tf.errors.OpError, SafetensorError)


class Interrupted(RuntimeError):
    """The run was asked to stop and has kept what it needs; the message says how to go on."""


class Unreachable(RuntimeError):
    """Whether there are checkpoints cannot be told now; to begin anew might lose them."""


class Remembers(Protocol):
    """A callback whose state belongs to a checkpoint."""

    def state(self) -> dict[str, Any]:
        """What JSON can hold."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""


class Picks(Protocol):
    """Who keeps the best weights so far."""

    weights: list[np.ndarray] | None


class Found(NamedTuple):
    """A finished checkpoint.

    Attributes:
        folder: where it lies.
        step: steps the run had done.
        ended: training was over, only saving and reporting were left.
        data: fingerprint of what it was training on.
        config: of that run; None in a checkpoint of a release that did not keep it.
        states: callback -> its state.
    """

    folder: str
    step: int
    ended: bool
    data: str
    config: Config | None
    states: Mapping[str, Any]


def folder(config: Config, workdir: Path) -> str:
    """Where a run keeps its checkpoints."""
    return config.training.checkpoints or str(workdir / "checkpoints")


def find(folder: str) -> list[Found]:
    """Finished checkpoints, the latest first.

    Raises:
        OSError, tf.errors.OpError: the filesystem fails; what is there is not known.
    """
    if not _exists(folder):
        return []
    found = [_read(f"{folder}/{name}") for name in sorted(_steps(folder), reverse=True)]
    return [one for one in found if one]


class Keeper(keras.callbacks.Callback):
    """Writes checkpoints; takes one up; stops the run when the system asks for it.

    Args:
        folder: of all checkpoints, local or of any filesystem TensorFlow knows.
        config: of the run.
        data: fingerprint of what it trains on.
        callbacks: name -> a callback whose state is kept; it must run before this one.
        best: who keeps the best weights, if somebody does.
        every: steps between two checkpoints.
        keep: how many finished checkpoints stay.
        source: folder they are taken up from, if it is another one: all workers read the chief's.
    """

    def __init__(
        self,
        model: SocialModel,
        folder: str,
        config: Config,
        data: str,
        callbacks: Mapping[str, Remembers],
        best: Picks | None,
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
        variables = _variables(model)
        self.tracked, self.metrics = tf.train.Checkpoint(**variables), variables["metrics"]
        self.learned = tf.train.Checkpoint(**{name: variables[name] for name in LEARNED})
        self._begun: tuple[Mapping[str, Any], list[np.ndarray]] | None = None
        self._saved = self._asked = 0
        self._in_step = False

    def take_up(self, accept: bool = False) -> Found | None:
        """Restores the latest checkpoint that can be read.

        Args:
            accept: whether it may be of another config.

        Raises:
            InputError: it is of another config, of other data, or of other variables.
            Unreachable: the filesystem does not say which there are.
        """
        for found in self._candidates():
            if not accept:
                refuse_changes(found.folder, found.config, self.config)
            if found.data != self.data:
                raise InputError(
                    f"{found.folder}: was written while training on other data; bring the files "
                    f"back as they were, or {ELSEWHERE}"
                )
            try:
                self._restore(found)
            except FAILURES as error:
                log.warning("checkpoint %s cannot be read (%s)", found.folder, _reason(error))
                continue
            except (ValueError, AssertionError):  # TensorFlow's, of shapes and of what is missing
                raise InputError(
                    f"{found.folder}: {OTHER_VARIABLES}; undo that, or {ELSEWHERE}"
                ) from None
            log.info("going on from step %d", found.step)
            return found
        return None

    def _candidates(self) -> list[Found]:
        try:
            return find(self.source)
        except FAILURES as error:
            raise Unreachable(
                f"checkpoints in {self.source} cannot be read now ({_reason(error)}); no step "
                "was taken, so that none of them is lost: try the same command again"
            ) from None

    def roll_back(self, step: int) -> int | None:
        """Takes what is learned back to the latest checkpoint of at most so many steps.

        Steps, batches and chance go on from here: from there they would lead here again.

        Returns:
            The steps of that checkpoint; None where none is left that can be read.
        """
        now = self.model.optimizer.iterations.numpy()
        try:
            earlier = [found for found in find(self.source) if found.step <= step]
        except FAILURES as error:
            log.warning("checkpoints in %s cannot be read (%s)", self.source, _reason(error))
            return None
        for found in earlier:
            if self._learned_from(found):
                self.model.optimizer.iterations.assign(now)
                return found.step
        return None

    def _learned_from(self, found: Found) -> bool:
        try:
            state = self.learned.read(f"{found.folder}/{STATE}")
        except FAILURES as error:
            log.warning("checkpoint %s cannot be read (%s)", found.folder, _reason(error))
            return False
        state.assert_existing_objects_matched().expect_partial()
        return True

    def save(self, ended: bool = False) -> None:
        """Writes a checkpoint of now; where that fails, the run goes on and says so."""
        step = int(self.model.optimizer.iterations.numpy())
        folder = f"{self.folder}/{step:08d}{ENDED if ended else ''}"
        if step == self._saved and not ended:
            return
        try:
            self._write(folder, step, ended)
        except FAILURES as error:
            log.warning(
                "no checkpoint of step %d: %s (%s); the last one is of step %d",
                step,
                folder,
                _reason(error),
                self._saved,
            )
            _remove(folder)
            return
        self._saved = step
        self._prune(1 if ended else self.keep)

    def on_train_begin(self, logs=None):
        self._before = _catch(self._ask)

    def on_train_end(self, logs=None):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def on_epoch_begin(self, epoch, logs=None):
        """Keras has just forgotten the epoch so far, and the callbacks before have as well."""
        if self._begun:
            states, metrics = self._begun
            self._begun = None
            self._tell(states)
            for variable, value in zip(self.metrics, metrics, strict=True):
                variable.assign(value)

    def on_epoch_end(self, epoch, logs=None):
        self._begun = None  # the epoch that was gone on with is over

    def on_train_batch_begin(self, batch, logs=None):
        self._in_step = True

    def on_train_batch_end(self, batch, logs=None):
        """The last callback of a step: here all that belongs together is of one step."""
        step = int(self.model.optimizer.iterations.numpy())
        if step // self.every > self._saved // self.every:
            self.save()
        if self._asked:
            self.save()
            self._stop()
        self._in_step = False

    def _ask(self, number: int, frame: Any) -> None:
        """Within a step waits for its end; outside, as while dev is scored, nothing can be saved.

        Asked twice, a run stops at once.
        """
        asked_before, self._asked = self._asked, number
        if asked_before:
            raise KeyboardInterrupt
        if not self._in_step:
            self._stop()

    def _stop(self) -> None:
        self.on_train_end()
        raise Interrupted(
            f"stopped by {signal.Signals(self._asked).name}; the last checkpoint is of step "
            f"{self._saved}: the same command goes on from there"
        )

    def _restore(self, found: Found) -> None:
        arrays = None
        if self.best and tf.io.gfile.exists(f"{found.folder}/{BEST}"):
            with tf.io.gfile.GFile(f"{found.folder}/{BEST}", "rb") as file:
                arrays = safetensors.numpy.load(file.read())
        self.tracked.read(f"{found.folder}/{STATE}").assert_consumed()
        if arrays is not None:
            self.best.weights = [arrays[name] for name in sorted(arrays)]
        self._tell(found.states)
        self._begun = (found.states, [variable.numpy() for variable in self.metrics])
        self._saved = found.step

    def _tell(self, states: Mapping[str, Any]) -> None:
        for name, callback in self.callbacks.items():
            if name in states:  # else it came with a release later than the checkpoint's
                callback.restore(states[name])

    def _write(self, folder: str, step: int, ended: bool) -> None:
        _remove(folder)
        tf.io.gfile.makedirs(folder)
        self.tracked.write(f"{folder}/{STATE}")
        if self.best and self.best.weights is not None:
            weights = map(np.asarray, self.best.weights)  # of a scalar Keras gives a number
            named = {f"{place:06d}": array for place, array in enumerate(weights)}
            with tf.io.gfile.GFile(f"{folder}/{BEST}", "wb") as file:
                file.write(safetensors.numpy.save(named))
        manifest = {
            "step": step,
            "ended": ended,
            "data": self.data,
            "config": self.config.model_dump(mode="json"),
            "states": {name: callback.state() for name, callback in self.callbacks.items()},
            "sizes": _sizes(folder),
        }
        with tf.io.gfile.GFile(f"{folder}/{MANIFEST}", "w") as file:
            file.write(json.dumps(manifest))

    def _prune(self, keep: int) -> None:
        """Removes finished checkpoints beyond `keep`, and what was begun and never finished.

        Where the filesystem does not say which those are, none is removed.
        """
        try:
            good = {found.folder for found in find(self.folder)[:keep]}
            useless = [name for name in _steps(self.folder) if f"{self.folder}/{name}" not in good]
        except FAILURES as error:
            log.warning("older checkpoints in %s stay (%s)", self.folder, _reason(error))
            return
        for name in useless:
            _remove(f"{self.folder}/{name}")


def _variables(model: SocialModel) -> dict[str, Any]:
    """All that a step reads and changes, or that was drawn before the first."""
    pace = model.pace
    probes = model.given.probes
    return {
        "weights": model.text_model.variables,
        "generator": model.text_model.encoder.generator,
        "optimizer": model.optimizer,  # its rate and norm on record are not among its variables
        "terms": model.term_variables,
        "averages": model.average.averages,
        "moving": [*model.moving_numbers.values()],
        "pace": [*pace.first.values(), pace.begun] if pace else [],
        "metrics": [v for metric in model.curves.values() for v in metric.variables],
        "probes": probes.variables if probes else [],
    }


def _read(folder: str) -> Found | None:
    """The checkpoint in a folder; None where it was not finished.

    A filesystem that fails is not taken for a missing file: what it hides may be a checkpoint.
    """
    try:
        with tf.io.gfile.GFile(f"{folder}/{MANIFEST}", "r") as file:
            manifest = json.loads(file.read())
        if _sizes(folder) != manifest["sizes"]:
            return None
    except (tf.errors.NotFoundError, ValueError, KeyError):
        return None
    known = manifest.get("config")
    config = parse(known, f"{folder}/{MANIFEST}: config", migrate=True) if known else None
    step, ended, data, states = (manifest[key] for key in ("step", "ended", "data", "states"))
    return Found(folder, step, ended, data, config, states)


def _exists(folder: str) -> bool:
    """`tf.io.gfile.isdir` would say no where the filesystem does not answer."""
    try:
        tf.io.gfile.stat(folder)
    except tf.errors.NotFoundError:
        return False
    return True


def _steps(folder: str) -> list[str]:
    """Names of the folders of checkpoints, finished or not; gs:// names end with a slash."""
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    return [name for name in names if name.removesuffix(ENDED).isdigit()]


def _sizes(folder: str) -> dict[str, int]:
    names = [name for name in tf.io.gfile.listdir(folder) if name != MANIFEST]
    return {name: tf.io.gfile.stat(f"{folder}/{name}").length for name in sorted(names)}


def _remove(folder: str) -> None:
    """The manifest first: what is half removed must not look finished."""
    for remove, path in (
        (tf.io.gfile.remove, f"{folder}/{MANIFEST}"),
        (tf.io.gfile.rmtree, folder),
    ):
        try:
            remove(path)
        except FAILURES:
            continue


def _catch(handler: Any) -> dict[int, Any]:
    """Has the signals handled; who handled them before. Nothing outside of the main thread."""
    try:
        return {number: signal.signal(number, handler) for number in SIGNALS}
    except ValueError:
        return {}


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", None) or getattr(error, "strerror", None) or error)


# What may be changed between two starts of a run: where things lie, and what is only looked at.
FREE = (
    "data.root",
    "data.cache",
    "data.service",
    "data.back_translation.cache",
    "data.citation",
    "data.homepage",
    "data.licence_source",
    "model.citation",
    "training.log_every",
    "training.checkpoint_every",
    "training.checkpoints_kept",
)


def refuse_changes(where: str, before: Config | None, config: Config) -> None:
    """Lets a run go on only with the config that it had.

    Raises:
        InputError: it was another one; the keys, and what can be done.
    """
    if keys := changed(before, config):
        raise InputError(
            f"{where} holds a run of another config; changed: {', '.join(keys)}. "
            f"Undo that, {ELSEWHERE}, or say --accept_changes to go on all the same"
        )


def changed(before: Config | None, config: Config) -> list[str]:
    """Keys whose values are not those of before, but for `FREE`; none where before is not known."""
    one, other = ((before or config).model_dump(mode="json"), config.model_dump(mode="json"))
    return [path for path in differences(one, other) if _of_one_source(path) not in FREE]


def _of_one_source(path: str) -> str:
    """The key of a mixture's source as the key of a single one.

    >>> _of_one_source("data.mixture.own.root"), _of_one_source("data.root")
    ('data.root', 'data.root')
    """
    return re.sub(r"^data\.mixture\.\w+\.", "data.", path)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Key paths at which two configs are not alike.

    >>> list(differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}))
    ['a.c', 'd']
    """
    for key in sorted(before.keys() | now.keys()):
        one, other = before.get(key), now.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from (f"{key}.{path}" for path in differences(one, other))
        elif one != other:
            yield key
