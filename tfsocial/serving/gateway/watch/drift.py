"""Whether texts and answers look as they did when the model was made, without labels.

Compared are windows of texts with the reference in the model's manifest: vectors (maximum mean
discrepancy), shares of labels, of texts that belong to no label, and accuracy as calibrated
probabilities expect it. Each signal has a threshold that texts like those of the reference exceed
with a stated probability.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.metrics import embedding_drift
from tfsocial.serving.gateway import outputs
from tfsocial.serving.predictor import Predictions

BINS = 20  # of confidence, as in the reference
SIMULATED = 4000  # windows
SEED = 0
MOST = 64  # texts of a call: what a window costs is bounded
BLOCK = 64  # texts that are taken in together: one by one they cost ten times as much

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Score:
    """A signal of a window.

    Attributes:
        value, threshold: above it the signal has drifted.
    """

    value: float
    threshold: float

    @property
    def drifted(self) -> bool:
        """Whether the value is above the threshold."""
        return self.value > self.threshold


@dataclass
class Window:
    """What is kept of n texts: no text, and no vector of one.

    Attributes:
        features: sum of their features; see `embedding_drift`.
        labels: task -> how many got each label.
        confidence: task -> how many had the likeliest label's probability in each of 20 bins.
    """

    rows: int = 0
    features: np.ndarray = field(default_factory=lambda: np.zeros(0))
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    confidence: dict[str, np.ndarray] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Write it as JSON values."""
        found = asdict(self)
        return {
            "rows": self.rows,
            "features": np.round(self.features, 6).tolist(),
            **{
                name: {task: counts.tolist() for task, counts in found[name].items()}
                for name in ("labels", "confidence")
            },
        }

    @classmethod
    def of_values(cls, values: Mapping[str, Any]) -> Window:
        """Read it back."""
        tasks = {
            name: {task: np.array(counts) for task, counts in values[name].items()}
            for name in ("labels", "confidence")
        }
        return cls(values["rows"], np.array(values["features"]), **tasks)


class Reference:
    """What a model's texts and answers looked like, and what is within chance.

    Args:
        values: `reference` of a version's manifest.
        rows: of a window.
        false_alarms: probability that any signal of a window without drift is above its threshold.
    """

    def __init__(
        self, manifest: ModelManifest, values: Mapping[str, Any], rows: int, false_alarms: float
    ):
        self._values, self._window = values, rows
        self._tasks = [task for task, spec in manifest.tasks.items() if spec.kind == "classify"]
        self._scopes = {task for task in self._tasks if manifest.tasks[task].scope}
        self._vectors = values.get("embedding_features")
        signals = bool(self._vectors) + 2 * len(self._tasks) + len(self._scopes)
        self._each = false_alarms / max(1, signals)
        self._thresholds = self._simulated()

    def add(self, window: Window, found: Predictions) -> None:
        """Take n answered texts into a window."""
        count = len(found.embedding)
        window.rows += count
        if self._vectors:
            features = embedding_drift.mean_features(self._vectors, found.embedding) * count
            window.features = features + (window.features if len(window.features) else 0.0)
        for task in self._tasks:
            values = found.tasks[task]
            labels = np.bincount(values.argmax(1), minlength=values.shape[1])
            bins, _ = np.histogram(values.max(1), BINS, (0, 1))
            window.labels[task] = labels + window.labels.get(task, 0)
            window.confidence[task] = bins + window.confidence.get(task, 0)

    def scores(self, window: Window) -> dict[str, Score]:
        """Score a window: signal -> value and threshold."""
        found = {}
        if self._vectors:
            mean, rows = window.features / window.rows, window.rows
            value = embedding_drift.discrepancy(self._vectors, mean, rows, self._values["rows"])
            threshold = embedding_drift.threshold(self._vectors, self._each)
            found["embedding"] = Score(value, threshold)
        for task in self._tasks:
            for signal, value in self._of_task(
                task, window.labels[task], window.confidence[task]
            ).items():
                found[f"{task} {signal}"] = Score(value, self._thresholds[f"{task} {signal}"])
        return found

    def expected_accuracy(self, window: Window) -> dict[str, float]:
        """Estimate the accuracy of each task: the mean probability of the likeliest label."""
        return {task: float(mean_confidence(window.confidence[task])) for task in self._tasks}

    def _of_task(self, task: str, labels: np.ndarray, bins: np.ndarray) -> dict[str, float]:
        known = self._values["tasks"][task]
        shares = np.array(known["label_shares"])
        values = {
            "labels": float(distance(shares, labels / labels.sum())),
            "accuracy": abs(float(mean_confidence(bins) - mean_confidence(known["confidence"]))),
        }
        if task in self._scopes:
            values["out_of_distribution"] = abs(float(labels[-1] / labels.sum() - shares[-1]))
        return values

    def _simulated(self) -> dict[str, float]:
        """Draw windows from the reference; its own share of chance is drawn too."""
        source, rows = np.random.default_rng(SEED), self._values["rows"]
        found = {}
        for task in self._tasks:
            known = self._values["tasks"][task]
            shares, bins = np.array(known["label_shares"]), np.array(known["confidence"], float)
            ones, twos = (_drawn(source, shares, size) for size in (rows, self._window))
            values = {
                "labels": distance(ones, twos),
                "accuracy": np.abs(
                    mean_confidence(_drawn(source, bins / bins.sum(), self._window))
                    - mean_confidence(_drawn(source, bins / bins.sum(), rows))
                ),
                "out_of_distribution": np.abs(ones[:, -1] - twos[:, -1]),
            }
            for signal, drawn in values.items():
                found[f"{task} {signal}"] = float(np.quantile(drawn, 1 - self._each))
        return found


class Watch:
    """The window of a version that fills, and what came of the last one.

    Args:
        path: jsonl that each full window is written to, so that it can be replayed; None: nowhere.
    """

    def __init__(
        self, model: str, version: int, reference: Reference, rows: int, path: Path | None = None
    ):
        self._model, self._version, self._path = model, version, path
        self._reference, self._rows, self._window = reference, rows, Window()
        self._new: list[Predictions] = []
        self.scores: dict[str, Score] = {}
        self.accuracy: dict[str, float] = {}

    def see(self, found: Predictions) -> None:
        """Take in answered texts, some of many; at the end of a window they are scored."""
        self._new.append(outputs.cut_to(found, MOST))
        new = sum(len(one.embedding) for one in self._new)
        if new < min(BLOCK, self._rows - self._window.rows):
            return
        self._reference.add(self._window, outputs.joined(self._new))
        self._new = []
        if self._window.rows >= self._rows:
            self._close()

    def _close(self) -> None:
        """Score the window and begin another."""
        window, self._window = self._window, Window()
        self.scores = self._reference.scores(window)
        self.accuracy = self._reference.expected_accuracy(window)
        try:
            self._write(window)
        except OSError as error:  # callers have their answers; the scores are known
            log.warning("%s: cannot be written (%s)", self._path, error.strerror)

    def _write(self, window: Window) -> None:
        if self._path:
            line = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "model": self._model,
                "version": self._version,
                "scores": {name: asdict(score) for name, score in self.scores.items()},
                "window": window.values(),
            }
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Compare shares [..., C]: the Jensen-Shannon divergence, 0 to log 2.

    >>> round(float(distance(np.array([1.0, 0.0]), np.array([0.0, 1.0]))), 3)
    0.693
    """
    middle = (one + other) / 2
    return (_entropy(middle) - (_entropy(one) + _entropy(other)) / 2).clip(0)


def mean_confidence(bins: Any) -> np.ndarray:
    """Give the mean of counts [..., 20] in bins of 0 to 1, each at its middle."""
    counts = np.asarray(bins, float)
    middles = (np.arange(BINS) + 0.5) / BINS
    return counts @ middles / counts.sum(-1)


def _entropy(shares: np.ndarray) -> np.ndarray:
    return -(shares * np.log(np.where(shares > 0, shares, 1))).sum(-1)


def _drawn(source: np.random.Generator, shares: np.ndarray, size: int) -> np.ndarray:
    return source.multinomial(size, shares / shares.sum(), SIMULATED) / size
