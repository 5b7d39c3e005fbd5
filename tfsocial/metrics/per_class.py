"""Precision, recall and F1 of each class, as values and as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn import metrics

from tfsocial.metrics.labelled import OutputSpec, labelled_rows
from tfsocial.metrics.scores import decisions
from tfsocial.metrics.thresholds import row_thresholds

CLASSES_IN_FULL = 30  # more rows than this nobody reads, nor a matrix of them
WORST_CLASSES = 10

_AVERAGES = ("accuracy", "micro avg", "macro avg", "weighted avg", "samples avg")


def class_scores(
    spec: OutputSpec,
    labels: np.ndarray,
    predictions: np.ndarray,
    thresholds: np.ndarray | None = None,
) -> dict[str, Any]:
    """Make scikit-learn's classification_report, as a dict; empty where nothing is labelled.

    Of a classification the classes that are some row's truth or prediction, else all.

    Args:
        labels, predictions: of n rows, as in `scores`.
        thresholds: [C] or [n, C], as in `scores`.
    """
    known = labelled_rows(spec, labels, predictions)
    if spec.kind == "regress" or not len(known.labels):
        return {}
    if spec.kind == "multilabel":
        per_row = row_thresholds(spec, labels, thresholds)
        return _class_table(spec, *decisions(known, per_row), range(spec.width))
    truth, predicted = known.labels, known.predictions.argmax(-1)
    return _class_table(spec, truth, predicted, np.union1d(truth, predicted))


def _class_table(
    spec: OutputSpec, truth: np.ndarray, predicted: np.ndarray, columns: Iterable[int]
) -> dict[str, Any]:
    return metrics.classification_report(
        truth,
        predicted,
        labels=list(columns),
        target_names=[_row_name(spec.labels[column]) for column in columns],
        output_dict=True,
        zero_division=0,
    )


def _row_name(label: str) -> str:
    """Rename a label called like one of the averages, which would overwrite it."""
    return f"{label} (label)" if label in _AVERAGES else label


def class_lines(classes: Mapping[str, Any]) -> list[str]:
    """Write `class_scores` as a table; of many classes only the worst by F1."""
    named = {name: row for name, row in classes.items() if name not in _AVERAGES}
    if len(named) <= CLASSES_IN_FULL:
        return _table(classes)
    worst = sorted(named.items(), key=lambda item: item[1]["f1-score"])[:WORST_CLASSES]
    title = f"the {len(worst)} worst of {len(named)} classes by F1"
    return [title, *_table(dict(worst))]


def _table(classes: Mapping[str, Any]) -> list[str]:
    """Write the lines of `sklearn.metrics.classification_report(digits=3)`, from its dict."""
    width = max(len(name) for name in (*classes, "weighted avg"))
    head = "".join(f" {column:>9}" for column in ("precision", "recall", "f1-score", "support"))
    lines = {name: f"{name:>{width}} {_cells(row, classes)}" for name, row in classes.items()}
    averages = [lines.pop(name) for name in _AVERAGES if name in lines]
    return [f"{'':>{width}} {head}", "", *lines.values(), *(["", *averages] if averages else [])]


def _cells(row: Mapping[str, float] | float, classes: Mapping[str, Any]) -> str:
    if not isinstance(row, Mapping):  # accuracy is one number, in the column of the F1
        return f" {'':>9} {'':>9} {row:>9.3f} {int(classes['macro avg']['support']):>9}"
    numbers = "".join(f" {row[column]:>9.3f}" for column in ("precision", "recall", "f1-score"))
    return f"{numbers} {int(row['support']):>9}"
