"""Checkpoints on disk: found, read, finished, removed.

A checkpoint is a folder named after its step: TensorFlow's own files for all variables, the best
weights so far, and last of all `manifest.json` with the size of each file. One without a manifest,
or whose files do not have those sizes, was never finished and is never taken. That needs no
rename, so it holds on gs:// as well.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
import tensorflow as tf
from safetensors import SafetensorError

from tfsocial.config import Config, Training, parse, paths
from tfsocial.errors import InputError

log = logging.getLogger(__name__)

MANIFEST, BEST, STATE, ENDED = "manifest.json", "best.safetensors", "state", "-ended"
# Of a disk; of a filesystem of TensorFlow's; of a file that is not what was written.
FAILURES = (OSError, tf.errors.OpError, SafetensorError)


class Checkpoint(NamedTuple):
    """A finished checkpoint.

    Attributes:
        folder: where it lies.
        step: steps the run had done.
        ended: training was over, only saving and reporting were left.
        data: fingerprint of what it was training on.
        config: of that run; None in a checkpoint of a release that did not keep it, and where
            this version does not read it.
        states: callback -> its state.
        format: of its files; see `checkpoint_contents.FORMAT`.
        unreadable: why this version does not read the run's config; empty where it does.
    """

    folder: str
    step: int
    ended: bool
    data: str
    config: Config | None
    states: Mapping[str, Any]
    format: int
    unreadable: str = ""

    @property
    def state(self) -> str:
        """Prefix of TensorFlow's own files."""
        return f"{self.folder}/{STATE}"

    def best(self) -> dict[str, np.ndarray] | None:
        """Read the best weights under the names they have there; None where none were written."""
        path = f"{self.folder}/{BEST}"
        if not tf.io.gfile.exists(path):
            return None
        with tf.io.gfile.GFile(path, "rb") as file:
            return safetensors.numpy.load(file.read())


def folder(training: Training, workdir: Path) -> str:
    """Say where a run keeps its checkpoints."""
    return training.checkpoints or str(workdir / "checkpoints")


def of_step(folder: str, step: int, ended: bool) -> str:
    """Name the folder of a step's checkpoint.

    >>> of_step("run/checkpoints", 12, ended=True)
    'run/checkpoints/00000012-ended'
    """
    return f"{folder}/{step:08d}{ENDED if ended else ''}"


def find(folder: str) -> list[Checkpoint]:
    """List finished checkpoints, the latest first.

    Raises:
        OSError, tf.errors.OpError: the filesystem fails; what is there is not known.
    """
    if not _exists(folder):
        return []
    checkpoints = [read(f"{folder}/{name}") for name in sorted(_steps(folder), reverse=True)]
    return [one for one in checkpoints if one]


def read(folder: str) -> Checkpoint | None:
    """Read the checkpoint in a folder; None where it was not finished.

    A filesystem that fails is not taken for a missing file: what it hides may be a checkpoint.
    """
    try:
        with tf.io.gfile.GFile(f"{folder}/{MANIFEST}", "r") as file:
            manifest = json.loads(file.read())
        if _sizes(folder) != manifest["sizes"]:
            return None
    except (tf.errors.NotFoundError, ValueError, KeyError):
        return None
    config, unreadable = _config(manifest.get("config"), f"{folder}/{MANIFEST}: config")
    step, ended, data, states = (manifest[key] for key in ("step", "ended", "data", "states"))
    return Checkpoint(
        folder, step, ended, data, config, states, manifest.get("format", 1), unreadable
    )


def _config(tree: Mapping[str, Any] | None, where: str) -> tuple[Config | None, str]:
    """Read a kept config, or say why this version does not read it."""
    try:
        # Paths of before they counted from the config's file counted from where the run began.
        rooted = paths.from_folder(tree, Config, Path.cwd()) if tree else None
        return (parse(rooted, where, migrate=True) if rooted else None), ""
    except InputError as error:
        return None, str(error)


def write_best(folder: str, weights: Mapping[str, np.ndarray]) -> None:
    """Write the best weights into a checkpoint that is not finished yet."""
    with tf.io.gfile.GFile(f"{folder}/{BEST}", "wb") as file:
        file.write(safetensors.numpy.save(dict(weights)))


def finish(checkpoint: Checkpoint) -> None:
    """Write the manifest of a checkpoint all of whose other files are written."""
    manifest = {
        "format": checkpoint.format,
        "step": checkpoint.step,
        "ended": checkpoint.ended,
        "data": checkpoint.data,
        "config": checkpoint.config.model_dump(mode="json") if checkpoint.config else None,
        "states": checkpoint.states,
        "sizes": _sizes(checkpoint.folder),
    }
    with tf.io.gfile.GFile(f"{checkpoint.folder}/{MANIFEST}", "w") as file:
        file.write(json.dumps(manifest))


def prune(folder: str, keep: int) -> None:
    """Remove finished checkpoints beyond `keep`, and what was begun and never finished.

    Where the filesystem does not say which those are, none is removed.
    """
    try:
        good = {checkpoint.folder for checkpoint in find(folder)[:keep]}
        useless = [name for name in _steps(folder) if f"{folder}/{name}" not in good]
    except FAILURES as error:
        log.warning("older checkpoints in %s stay (%s)", folder, reason(error))
        return
    for name in useless:
        remove(f"{folder}/{name}")


def remove(folder: str) -> None:
    """Remove a checkpoint, the manifest first: what is half removed must not look finished."""
    for remove_it, path in (
        (tf.io.gfile.remove, f"{folder}/{MANIFEST}"),
        (tf.io.gfile.rmtree, folder),
    ):
        try:
            remove_it(path)
        except FAILURES:
            continue


def reason(error: Exception) -> str:
    """Say in a few words why a filesystem failed."""
    return str(getattr(error, "message", None) or getattr(error, "strerror", None) or error)


def _exists(folder: str) -> bool:
    """Ask for a folder: `tf.io.gfile.isdir` would say no where the filesystem does not answer."""
    try:
        tf.io.gfile.stat(folder)
    except tf.errors.NotFoundError:
        return False
    return True


def _steps(folder: str) -> list[str]:
    """List the folders of checkpoints, finished or not; gs:// names end with a slash."""
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    return [name for name in names if name.removesuffix(ENDED).isdigit()]


def _sizes(folder: str) -> dict[str, int]:
    names = [name for name in tf.io.gfile.listdir(folder) if name != MANIFEST]
    return {name: tf.io.gfile.stat(f"{folder}/{name}").length for name in sorted(names)}
