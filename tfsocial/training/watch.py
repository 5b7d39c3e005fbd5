"""Callbacks: progress, dev score with the best weights kept, non-finite guard."""

from __future__ import annotations

import contextlib
import logging
import math
import numpy as np
import sys
import tensorflow as tf
import tf_keras as keras
import time
from tfsocial.text import batch as keys
from collections.abc import (Iterator, Mapping)
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.metrics.scorer import Scorer
from tfsocial.models import (inference, parameters)
from tfsocial.models.spec import HeadSpec
from tfsocial.text import packing
from tfsocial.training.step import SocialModel
from tqdm import tqdm
from typing import Any



log = logging.getLogger(__name__)

Scores = Mapping[str, float]


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


class Progress(keras.callbacks.Callback):
    """A bar with loss, dev metric and examples/s on a terminal; a line an epoch elsewhere."""

    def __init__(self, steps: int, epochs: int, monitor: str):
        super().__init__()
        self.epochs, self.monitor = epochs, monitor
        self.bar = tqdm(total=steps, unit="step", disable=not sys.stderr.isatty(), leave=True)
        self.examples, self.score, self.began, self.done = 0.0, "", time.perf_counter(), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.began, self.examples, self.done = time.perf_counter(), 0.0, 0
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self.examples = logs["examples"] * (batch + 1)  # the log is a mean over the epoch's steps
        self.bar.update(batch + 1 - self.done)
        self.done = batch + 1
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

    def state(self) -> dict[str, Any]:
        elapsed = time.perf_counter() - self.began
        return {
            "steps": self.bar.n,
            "done": self.done,
            "examples": self.examples,
            "elapsed": elapsed,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.bar.n, self.done, self.examples = state["steps"], state["done"], state["examples"]
        self.began = time.perf_counter() - state["elapsed"]

    def _rate(self) -> float:
        return self.examples / max(time.perf_counter() - self.began, 1e-9)


MONITORED = "dev/monitored"  # the metric that picks the weights, averaged over the tasks


class DevScore(keras.callbacks.Callback):
    """Scores the dev split after each epoch, keeps the best weights, stops when none come.

    Where weights are averaged it is their averages that are scored and kept.
    Its scores go into the epoch's logs under `dev/...`; it has to run before callbacks that
    read them.
    """

    def __init__(
        self,
        encoded: TokenizedSplit,
        batches: tf.data.Dataset,
        scorer: Scorer,
        monitor: str,
        patience: int | None,
    ):
        super().__init__()
        self.encoded, self.batches, self.scorer = encoded, batches, scorer
        self.monitor, self.patience = monitor, patience
        self.best, self.best_epoch, self.weights = -math.inf, -1, None

    def on_epoch_end(self, epoch, logs=None):
        with self.model.average.in_place():
            logs |= self._scored()
            if logs[MONITORED] > self.best:
                self.best, self.best_epoch = logs[MONITORED], epoch
                self.weights = parameters.of_text_model(self.model.text_model).arrays()
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
        if watched:
            return curves | {MONITORED: float(np.mean(watched))}
        return curves | {MONITORED: -losses(self.model, self.batches)["loss"]}

    def put_in_best(self) -> None:
        """Gives the model the best weights there were."""
        if self.weights is not None:
            parameters.of_text_model(self.model.text_model).assign(self.weights)

    def take_back_if_worse(self) -> None:
        """Puts the best weights in again where those of now, heads fitted anew, score lower."""
        score = self._scored()[MONITORED]
        log.info("heads fitted anew: dev %s %.4f, before %.4f", self.monitor, score, self.best)
        if score < self.best:
            self.put_in_best()

    def state(self) -> dict[str, Any]:
        """The weights themselves are kept beside it."""
        best = self.best if math.isfinite(self.best) else None
        return {"best": best, "best_epoch": self.best_epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.best = -math.inf if state["best"] is None else state["best"]
        self.best_epoch = state["best_epoch"]

    def scores(self) -> dict[str, Scores]:
        """Each task's scores on the dev split with the weights of now."""
        return {
            task: self.scorer.scores(task, self._spec(task), labels, predictions)
            for task, labels, predictions in self._judged()
        }

    def thresholds(self) -> dict[str, tuple[float, ...]]:
        """Each multilabel task's decision thresholds with the weights of now."""
        tuned = {
            task: self.scorer.thresholds(self._spec(task), labels, predictions)
            for task, labels, predictions in self._judged()
        }
        return {
            task: tuple(map(float, found)) for task, found in tuned.items() if found is not None
        }

    def _judged(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """(task, labels, predictions) on dev."""
        if not self.model.text_model.specs:
            return
        for task, values in predict(self.model, self.batches).items():
            yield task, self.encoded.labels[task].numpy(), values

    def _spec(self, task: str) -> HeadSpec:
        return self.model.text_model.specs[task]


def losses(model: SocialModel, batches: tf.data.Dataset) -> dict[str, float]:
    """The formula's `loss` and each of its terms before its weight, without dropout.

    Weights are the config's, and terms that compare two views are left out: see
    `SocialModel.test_step`. Means over the batches. What a term draws, as the words that are
    hidden, is the same each time, so that two sets of weights are compared on the same; training's
    own chance is left untouched.
    """
    with _same_chance(model.text_model.encoder.generator):
        found = model.evaluate(batches, verbose=0, return_dict=True)
    terms = {f"raw/{term.name}": term.name for term in model.evaluated_terms}
    return {"loss": float(found["loss"]), **{terms[key]: float(found[key]) for key in terms}}


@contextlib.contextmanager
def _same_chance(generator: tf.random.Generator) -> Iterator[None]:
    """Inside chance begins anew; afterwards it goes on from where it was."""
    state = generator.state
    copies = getattr(state, "values", (state,))  # each replica of this process has its own
    before = [copy.numpy() for copy in copies]
    for number, copy in enumerate(copies):
        copy.assign(tf.random.create_rng_state(number, generator.algorithm))
    try:
        yield
    finally:
        for copy, value in zip(copies, before, strict=True):
            copy.assign(value)


def predict(model: SocialModel, batches: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Predictions of every task [n, width], in the order of the examples."""
    if isinstance(model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return inference.predict(model.text_model, batches)  # Keras would give each its share
    outputs = model.predict(batches, verbose=0)
    ids = outputs.pop(keys.EXAMPLE_ID)
    return {task: packing.unpack(ids, values)[1] for task, values in outputs.items()}
