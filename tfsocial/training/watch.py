"""Callbacks: curves, progress, dev score with the best weights kept, non-finite guard."""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorboard.plugins.hparams import api as hparams
from tqdm import tqdm

from tfsocial.config import Config
from tfsocial.data import batch as keys
from tfsocial.data import packing
from tfsocial.data.pipeline import Encoded
from tfsocial.models.heads import HeadSpec
from tfsocial.training.step import SocialModel

log = logging.getLogger(__name__)

Scores = Mapping[str, float]


class Judge(Protocol):
    """Gives numbers to predictions [n, width] of labels [n, ...]; passed in from evaluation."""

    def scores(
        self, task: str, spec: HeadSpec, labels: np.ndarray, predictions: np.ndarray
    ) -> Scores:
        """A task's scores by name."""

    def thresholds(
        self, spec: HeadSpec, labels: np.ndarray, predictions: np.ndarray
    ) -> np.ndarray | None:
        """Decision thresholds [labels] of a multilabel task, else None."""


class Diverged(RuntimeError):
    """The loss stopped being a finite number; the message names step and term."""


class Guard(keras.callbacks.Callback):
    """Stops at the last step, or at the first loss that is not finite, and says which term it was.

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

    def _diagnosis(self, step: int, logs: Scores) -> str:
        terms = [name for name, value in logs.items() if not math.isfinite(value)]
        culprits = [name.removeprefix("raw/") for name in terms if name.startswith("raw/")]
        return (
            f"the loss is not finite at step {step}; first in {', '.join(culprits or terms)}. "
            "The usual remedies: a lower optimizer.learning_rate, a lower weight of that term, "
            "training.precision=float32"
        )


@dataclass
class Curves(keras.callbacks.Callback):
    """Every scalar every `every` steps, to TensorBoard and to metrics.jsonl.

    A point is the mean over the steps since the last one; Keras's logs are means since the
    start of the epoch, from which it follows. The end of an epoch is a point too.
    """

    workdir: Path
    every: int

    def __post_init__(self):
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(self.workdir / "tensorboard"))
        self.lines = (self.workdir / "metrics.jsonl").open("a", encoding="utf-8")

    def on_epoch_begin(self, epoch, logs=None):
        self._totals: dict[str, float] = {}
        self._last, self._done, self._time = 0, 0, time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._done, self._logs = batch + 1, logs
        if self._done - self._last == self.every:
            self.write(self._step(), "train", self._since_last(self._done, logs))

    def on_epoch_end(self, epoch, logs=None):
        if self._done > self._last:
            self.write(self._step(), "train", self._since_last(self._done, self._logs))
        dev = {name.removeprefix("dev/"): v for name, v in logs.items() if name.startswith("dev/")}
        if dev:
            self.write(self._step(), "dev", dev)

    def on_train_end(self, logs=None):
        self.writer.flush()
        self.lines.flush()

    def write(self, step: int, part: str, scalars: Scores) -> None:
        """One point of every curve; `part` is the TensorBoard group's prefix."""
        named = {f"{part}/{name}": float(value) for name, value in scalars.items()}
        with self.writer.as_default():
            for name, value in named.items():
                tf.summary.scalar(name, value, step=step)
        self.lines.write(json.dumps({"step": step, **named}) + "\n")
        self.lines.flush()

    def images(self, group: str, step: int, pictures: Mapping[str, np.ndarray]) -> None:
        """Pictures uint8 [height, width, 3] under their names."""
        with self.writer.as_default():
            for name, picture in pictures.items():
                tf.summary.image(f"{group}/{name}", picture[np.newaxis], step=step)
        self.writer.flush()

    def hparams(self, config: Config, scores: Scores) -> None:
        """The knobs that a search would turn, and what they led to."""
        optimizer, training = config.optimizer, config.training
        knobs = {
            "optimizer": optimizer.name,
            "learning_rate": optimizer.learning_rate,
            "weight_decay": optimizer.weight_decay,
            "epochs": training.epochs,
            "rows": config.data.rows,
            "seed": config.seed,
            "checkpoint": config.model.checkpoint,
        }
        for part in (config.objectives.community, config.objectives.papers):
            knobs |= {f"weight/{name}": str(entry.weight) for name, entry in part.items()}
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
        rates = {f"{name}_per_second": scalars.pop(name) * rate for name in ("examples", "tokens")}
        return {
            **scalars,
            **rates,
            **{name: float(number.numpy()) for name, number in self.model.moving_numbers.items()},
            "learning_rate": float(self.model.optimizer.learning_rate.numpy()),
            "gradient_norm": float(self.model.optimizer.gradient_norm.numpy()),
        }


class Progress(keras.callbacks.Callback):
    """A bar with loss, dev metric and examples/s on a terminal; a line an epoch elsewhere."""

    def __init__(self, steps: int, epochs: int, monitor: str):
        super().__init__()
        self.epochs, self.monitor = epochs, monitor
        self.bar = tqdm(total=steps, unit="step", disable=not sys.stderr.isatty(), leave=True)
        self.examples, self.score = 0.0, ""

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.examples = time.perf_counter(), 0.0
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self.examples = logs["examples"] * (batch + 1)  # the log is a mean over the epoch's steps
        self.bar.update()
        shown = f"loss {logs['loss']:.4f}{self.score} {self._rate():.0f} examples/s"
        self.bar.set_postfix_str(shown, refresh=False)

    def on_epoch_end(self, epoch, logs=None):
        self.score = f", dev {self.monitor} {logs[MONITORED]:.4f}" if MONITORED in logs else ""
        if self.bar.disable:
            log.info(
                "epoch %d/%d: loss %.4f%s, %.0f examples/s, padding %.1f %%",
                epoch + 1,
                self.epochs,
                logs["loss"],
                self.score,
                self._rate(),
                100 * logs["padding_share"],
            )

    def on_train_end(self, logs=None):
        self.bar.close()

    def _rate(self) -> float:
        return self.examples / max(time.perf_counter() - self.began, 1e-9)


class KeepAverage(keras.callbacks.Callback):
    """Ends on the weights' average where there is one; before DevScore, which may know better."""

    def on_train_end(self, logs=None):
        self.model.average.put_in()


MONITORED = "dev/monitored"  # the metric that picks the weights, averaged over the tasks


class DevScore(keras.callbacks.Callback):
    """Scores the dev split after each epoch, keeps the best weights, stops when none come.

    Where weights are averaged it is their averages that are scored and kept.
    Its scores go into the epoch's logs under `dev/...`; it has to run before callbacks that
    read them.
    """

    def __init__(
        self,
        encoded: Encoded,
        batches: tf.data.Dataset,
        judge: Judge,
        monitor: str,
        patience: int | None,
    ):
        super().__init__()
        self.encoded, self.batches, self.judge = encoded, batches, judge
        self.monitor, self.patience = monitor, patience
        self.best, self.best_epoch, self.weights = -math.inf, -1, None

    def on_epoch_end(self, epoch, logs=None):
        with self.model.average.in_place():
            logs |= self._scored()
            if logs[MONITORED] > self.best:
                self.best, self.best_epoch = logs[MONITORED], epoch
                self.weights = self.model.text_model.get_weights()
        if self.patience is not None and epoch - self.best_epoch >= self.patience:
            log.info("no better dev %s for %d epochs: stopping", self.monitor, self.patience)
            self.model.stop_training = True

    def _scored(self) -> Scores:
        """The dev curves of an epoch."""
        per_task = self.scores()
        curves = {
            f"dev/{task}/{name}": value
            for task, scores in per_task.items()
            for name, value in scores.items()
            if name != "count"
        }
        watched = [scores[self.monitor] for scores in per_task.values() if self.monitor in scores]
        return curves | {MONITORED: float(np.mean(watched)) if watched else -self.loss()}

    def on_train_end(self, logs=None):
        if self.weights is not None:
            self.model.text_model.set_weights(self.weights)

    def loss(self) -> float:
        """The formula on the dev split with the weights of now, without dropout."""
        return self.model.evaluate(self.batches, verbose=0, return_dict=True)["loss"]

    def scores(self) -> dict[str, Scores]:
        """Each task's scores on the dev split with the weights of now."""
        return {
            task: self.judge.scores(task, self._spec(task), labels, predictions)
            for task, labels, predictions in self._judged()
        }

    def thresholds(self) -> dict[str, tuple[float, ...]]:
        """Each multilabel task's decision thresholds with the weights of now."""
        tuned = {
            task: self.judge.thresholds(self._spec(task), labels, predictions)
            for task, labels, predictions in self._judged()
        }
        return {
            task: tuple(map(float, found)) for task, found in tuned.items() if found is not None
        }

    def _judged(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """(task, labels, predictions) on dev."""
        for task, values in predict(self.model, self.batches).items():
            yield task, self.encoded.features[keys.label_key(task)].numpy(), values

    def _spec(self, task: str) -> HeadSpec:
        return self.model.text_model.specs[task]


def predict(model: SocialModel, batches: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Predictions of every task [n, width], in the order of the examples."""
    outputs = model.predict(batches, verbose=0)
    ids = outputs.pop(keys.EXAMPLE_ID)
    return {task: packing.unpack(ids, values)[1] for task, values in outputs.items()}
