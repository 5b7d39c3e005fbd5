"""What a suite takes and gives: a predictor and examples in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfsocial.data.reading.feature_cells import Feature, FeatureCell
from tfsocial.metrics.labelled import OutputSpec, is_labelled


class Manifest(Protocol):
    """What a model says of itself."""

    @property
    def tasks(self) -> Mapping[str, OutputSpec]:
        """Task -> what it predicts."""

    @property
    def thresholds(self) -> Mapping[str, Sequence[float]]:
        """Multilabel task -> the probability from which each label counts; may lack tasks."""

    @property
    def label_set_thresholds(self) -> Mapping[str, float]:
        """Classification -> the probability from which a label is in its set; may lack tasks."""

    @property
    def text_columns(self) -> tuple[str, ...]:
        """One or two."""

    @property
    def features(self) -> Mapping[str, Feature]:
        """Name -> a column that the model reads beside the text."""


class Predictions(Protocol):
    """Answers to n texts."""

    @property
    def tasks(self) -> Mapping[str, np.ndarray]:
        """Task -> [n, width], probabilities or values."""


class Predictor(Protocol):
    """Any model in use; `serving` has some."""

    @property
    def manifest(self) -> Manifest:
        """What the model says of itself."""

    def __call__(self, texts: Sequence[tuple[Any, ...]]) -> Predictions:
        """Answer n texts, each a tuple of the model's text columns and features."""


@dataclass(frozen=True)
class EvaluationSet:
    """n texts with what is known of them.

    Attributes:
        texts: each a tuple of the model's one or two text columns.
        features: of each what the model reads beside them, in its order; empty: nothing.
        labels: task -> [n] or [n, C], as in `metrics.labelled`; of the tasks that have a column.
        attributes: name -> [n], each text's value, "" where it has none.
    """

    texts: Sequence[tuple[str, ...]]
    labels: Mapping[str, np.ndarray]
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    features: Sequence[tuple[FeatureCell, ...]] = ()

    @property
    def rows(self) -> Sequence[tuple[Any, ...]]:
        """What a predictor takes of each."""
        if not self.features:
            return self.texts
        return [(*text, *beside) for text, beside in zip(self.texts, self.features, strict=True)]

    def __len__(self) -> int:
        return len(self.texts)

    def joined(self) -> list[str]:
        """Join each text into one string, a pair with a space between."""
        return [" ".join(columns) for columns in self.texts]


class Findings(NamedTuple):
    """What a suite found.

    Attributes:
        numbers: task -> name -> number.
        tables: name -> rows, each column -> value; the columns are those of the first row.
        pictures: name -> uint8 [height, width, 3].
        advice: sentences on what to do about it, the gravest first.
    """

    numbers: Mapping[str, Mapping[str, float]]
    tables: Mapping[str, Sequence[Mapping[str, Any]]] = {}
    pictures: Mapping[str, np.ndarray] = {}
    advice: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Turn them into JSON values; of the pictures only their names."""
        return {
            "numbers": {task: dict(numbers) for task, numbers in self.numbers.items()},
            "tables": {name: [dict(row) for row in rows] for name, rows in self.tables.items()},
            "pictures": list(self.pictures),
            "advice": list(self.advice),
        }


Suite = Callable[[Predictor, EvaluationSet], Findings]


class TaskRows(NamedTuple):
    """One task on the examples it has a label for.

    Attributes:
        rows: int [m], their places among the examples.
        labels, predictions: of these rows alone.
        thresholds: [C] of a multilabel task, where the model has some.
        label_set_threshold: of a classification, where the model has one.
    """

    name: str
    spec: OutputSpec
    rows: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    thresholds: np.ndarray | None
    label_set_threshold: float | None


def labelled_tasks(predictor: Predictor, examples: EvaluationSet) -> Iterator[TaskRows]:
    """Answer the examples, and give each task with the rows that have a label for it, if any."""
    known = {
        task: np.flatnonzero(is_labelled(spec, examples.labels[task]))
        for task, spec in predictor.manifest.tasks.items()
        if task in examples.labels
    }
    if not any(len(rows) for rows in known.values()):
        return
    predictions = predictor(examples.rows).tasks
    for task, rows in known.items():
        if len(rows):
            tuned = predictor.manifest.thresholds.get(task)
            yield TaskRows(
                task,
                predictor.manifest.tasks[task],
                rows,
                examples.labels[task][rows],
                predictions[task][rows],
                None if tuned is None else np.array(tuned),
                predictor.manifest.label_set_thresholds.get(task),
            )
