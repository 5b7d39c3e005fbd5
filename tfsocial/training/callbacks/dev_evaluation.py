"""The dev split scored after each epoch; the best weights are kept."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.metrics.scorer import MONITORED, Scorer
from tfsocial.models import inference, parameters
from tfsocial.models.spec import HeadSpec
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.training.social_model import SocialModel

log = logging.getLogger(__name__)

Scores = Mapping[str, float]


class DevEvaluation(keras.callbacks.Callback):
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
        self.best, self.best_epoch = -math.inf, -1
        self.weights: Mapping[str, np.ndarray] | None = None

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
        """Compute the dev metrics of an epoch."""
        per_task = self.scores()
        metrics = {
            f"dev/{task}/{name}": value
            for task, scores in per_task.items()
            for name, value in scores.items()
            if name != "count"
        }
        monitored = [scores[self.monitor] for scores in per_task.values() if self.monitor in scores]
        if monitored:
            return metrics | {MONITORED: float(np.mean(monitored))}
        return metrics | {MONITORED: -losses(self.model, self.batches)["loss"]}

    def put_in_best(self) -> None:
        """Give the model the best weights there were."""
        if self.weights is not None:
            parameters.of_text_model(self.model.text_model).assign(self.weights)

    def take_back_if_worse(self) -> None:
        """Put the best weights in again where those of now, heads fitted anew, score lower."""
        score = self._scored()[MONITORED]
        log.info("heads fitted anew: dev %s %.4f, before %.4f", self.monitor, score, self.best)
        if score < self.best:
            self.put_in_best()

    def state(self) -> dict[str, Any]:
        """Give what JSON can hold; the weights themselves are kept beside it."""
        best = self.best if math.isfinite(self.best) else None
        return {"best": best, "best_epoch": self.best_epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.best = -math.inf if state["best"] is None else state["best"]
        self.best_epoch = state["best_epoch"]

    def scores(self) -> dict[str, Scores]:
        """Compute each task's scores on the dev split with the weights of now."""
        return {
            task: self.scorer.scores(task, self._spec(task), labels, predictions)
            for task, labels, predictions in self._predicted()
        }

    def _predicted(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Give (task, labels, predictions) on dev."""
        if not self.model.text_model.specs:
            return
        for task, values in predict(self.model, self.batches).items():
            yield task, self.encoded.labels[task].numpy(), values

    def _spec(self, task: str) -> HeadSpec:
        return self.model.text_model.specs[task]


def losses(model: SocialModel, batches: tf.data.Dataset) -> dict[str, float]:
    """Compute the formula's `loss` and each of its terms before its weight, without dropout.

    Weights are the config's, and terms that compare two views are left out: see
    `Formula.evaluation`. Means over the batches. What a term draws, as the words that are
    hidden, is the same each time, so that two sets of weights are compared on the same; training's
    own chance is left untouched.
    """
    with _same_chance(model.text_model.encoder.generator):
        means = model.evaluate(batches, verbose=0, return_dict=True)
    terms = {f"raw/{term.name}": term.name for term in model.formula.evaluated_terms}
    return {"loss": float(means["loss"]), **{terms[key]: float(means[key]) for key in terms}}


@contextlib.contextmanager
def _same_chance(generator: tf.random.Generator) -> Iterator[None]:
    """Begin chance anew inside; afterwards it goes on from where it was."""
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
    """Predict every task, float32 [n, width], in the order of the examples."""
    if isinstance(model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return inference.predict(model.text_model, batches)  # Keras would give each its share
    outputs = model.predict(batches, verbose=0)
    ids = outputs.pop(keys.EXAMPLE_ID)
    return {task: packing.unpack(ids, values)[1] for task, values in outputs.items()}
