"""Every scalar of a run, in TensorBoard and in metrics.jsonl, without a gap or a double."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorboard.plugins.hparams import api as hparams

Scores = Mapping[str, float]


@dataclass
class MetricsLogger(keras.callbacks.Callback):
    """Writes every scalar every `every` steps, to TensorBoard and to metrics.jsonl.

    A point is the mean over the steps since the last one; Keras's logs are means since the
    start of the epoch, from which it follows. The end of an epoch is a point too.
    `open` comes before the first point and after `restore`, if that comes at all.

    Attributes:
        listeners: get every point too.
    """

    workdir: Path
    every: int
    sizes: Mapping[str, int] = field(default_factory=dict)
    listeners: Sequence[Callable[[int, Scores], None]] = ()

    def __post_init__(self):
        super().__init__()

    def open(self) -> None:
        """Begin where the checkpoint ended.

        What was written since belongs to steps that will be taken again, and is removed.
        """
        _cut(self.workdir, self.sizes)
        self.writer = tf.summary.create_file_writer(str(self.workdir / "tensorboard"))
        self.lines = (self.workdir / "metrics.jsonl").open("a", encoding="utf-8")

    def on_epoch_begin(self, epoch, logs=None):
        self._totals: dict[str, float] = {}
        self._last, self._done, self._time = 0, 0, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._done = batch + 1
        if self._done - self._last >= self.every:
            self.write(self._step(), "train", self._since_last(self._done, logs))

    def on_epoch_end(self, epoch, logs=None):
        if self._done > self._last:
            train = {name: value for name, value in logs.items() if not name.startswith("dev/")}
            self.write(self._step(), "train", self._since_last(self._done, train))
        dev = {name.removeprefix("dev/"): v for name, v in logs.items() if name.startswith("dev/")}
        if dev:
            self.write(self._step(), "dev", dev)

    def on_train_end(self, logs=None):
        self.writer.flush()
        self.lines.flush()

    def state(self) -> dict[str, Any]:
        """Say where between two points the run is, and how long its files are."""
        self.on_train_end()
        return {
            "totals": self._totals,
            "last": self._last,
            "done": self._done,
            "elapsed": time.perf_counter() - self._time,
            "sizes": {name: path.stat().st_size for name, path in _files(self.workdir)},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._totals, self._last, self._done = state["totals"], state["last"], state["done"]
        self._time = time.perf_counter() - state["elapsed"]
        self.sizes = state["sizes"]

    def write(self, step: int, part: str, scalars: Scores) -> None:
        """Write one point of every curve; `part` is the TensorBoard group's prefix."""
        named = {f"{part}/{name}": float(value) for name, value in scalars.items()}
        with self.writer.as_default():
            for name, value in named.items():
                tf.summary.scalar(name, value, step=step)
        self.lines.write(json.dumps({"step": step, **named}) + "\n")
        self.lines.flush()
        for listener in self.listeners:
            listener(step, named)

    def images(self, group: str, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        """Write pictures uint8 [height, width, 3] under their names."""
        with self.writer.as_default():
            for name, picture in pictures.items():
                tf.summary.image(f"{group}/{name}", picture[np.newaxis], step=step)
        self.writer.flush()

    def hparams(self, knobs: Mapping[str, str | float], scores: Scores) -> None:
        """Write the knobs that a search would turn, and what they led to."""
        with self.writer.as_default():
            hparams.hparams(knobs)
            for name, value in scores.items():
                tf.summary.scalar(f"result/{name}", value, step=0)
        self.writer.flush()

    def _step(self) -> int:
        return int(self.model.optimizer.iterations.numpy())

    def _since_last(self, count: int, logs: Scores) -> dict[str, float]:
        totals = {name: float(value) * count for name, value in logs.items()}
        steps, now = count - self._last, time.perf_counter()
        scalars = {
            name: (total - self._totals.get(name, 0.0)) / steps for name, total in totals.items()
        }
        rate = steps / (now - self._time)
        self._totals, self._last, self._time = totals, count, now
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        rates = {f"{name}_per_second": scalars.pop(name) * rate for name in ("examples", "tokens")}
        return {
            **scalars,
            **rates,
            **{name: float(number.numpy()) for name, number in self.model.moving_numbers.items()},
            "learning_rate": float(self.model.optimizer.learning_rate.numpy()),
            "gradient_norm": float(optimizer.gradient_norm.numpy()),
        }


def _files(workdir: Path) -> list[tuple[str, Path]]:
    """List (name in the workdir, path) of all that is written."""
    paths = [*workdir.glob("metrics.jsonl"), *workdir.glob("tensorboard/*")]
    return [(path.relative_to(workdir).as_posix(), path) for path in paths]


def _cut(workdir: Path, sizes: Mapping[str, int]) -> None:
    """Take the files back to their sizes; those that had none yet are removed."""
    for name, path in _files(workdir):
        if name not in sizes:
            path.unlink()
        elif path.stat().st_size > sizes[name]:
            os.truncate(path, sizes[name])
