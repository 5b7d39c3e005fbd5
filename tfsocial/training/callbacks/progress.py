"""How far a run is, on a terminal and in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import tf_keras as keras
from tqdm import tqdm

from tfsocial.metrics.scorer import MONITORED

log = logging.getLogger(__name__)


class Progress(keras.callbacks.Callback):
    """Shows a bar with loss, dev metric and examples/s on a terminal; a line an epoch elsewhere."""

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
