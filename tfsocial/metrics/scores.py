"""Labels and predictions in, the numbers of a task out.

A score that is not defined (a ratio over nothing, the correlation with a constant) is left out
rather than written as 0 or NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn import metrics

from tfsocial.errors import InputError, nearest
from tfsocial.metrics.calibration import calibration
from tfsocial.metrics.labelled import Labelled, OutputSpec, labelled_rows
from tfsocial.metrics.thresholds import row_thresholds

# The one number of a task by which models are compared.
PRIMARY: Mapping[str, str] = {
    "classify": "accuracy",
    "multilabel": "macro_f1",
    "regress": "pearson",
}


def mean_over_tasks(tasks: Mapping[str, Mapping[str, Any]], metric: str) -> float | None:
    """Average a metric over the tasks that have it; None where none has.

    >>> mean_over_tasks({"a": {"r2": 0.5}, "b": {"pearson": 0.1}, "c": {"r2": 1}}, "r2")
    0.75
    """
    values = [task[metric] for task in tasks.values() if task.get(metric) is not None]
    return float(np.mean(values)) if values else None


def scores(
    spec: OutputSpec,
    labels: np.ndarray,
    predictions: np.ndarray,
    out_of_scope: str | None = None,
    thresholds: np.ndarray | None = None,
) -> dict[str, float]:
    """Score one task on one split; only {"count": 0} when no row is labelled.

    classify: accuracy, macro_f1, micro_f1 (equal to accuracy), ece, count. macro_f1 is the
    mean F1 over the labels that are some row's truth or prediction, as in scikit-learn. With
    `out_of_scope` also in_scope_accuracy (over rows whose truth is another label; answering
    out of scope there is wrong), out_of_scope_recall, out_of_scope_precision and
    out_of_scope_auroc, of the probability of being out of scope.

    multilabel: accuracy (of whole rows), macro_f1, micro_f1, count. A label is predicted where
    its probability reaches its threshold. macro_f1 is the mean over all C labels, as in
    scikit-learn: one that is neither true nor predicted anywhere counts as 0.

    regress: mean_squared_error, mean_absolute_error, pearson, r2, count.

    Args:
        out_of_scope: the label of a classification that means "none of the others".
        thresholds: [C], or [n, C] where each row has its own, for multilabel; left out, 0.5.

    Raises:
        ValueError: shapes, label indices or probabilities do not fit the spec.
        InputError: `out_of_scope` is none of the task's labels.
    """
    known = labelled_rows(spec, labels, predictions)
    outside = _index_of(out_of_scope, spec)
    if not len(known.labels):
        return {"count": 0}
    if spec.kind == "classify":
        numbers = _classify_scores(known, outside)
    elif spec.kind == "multilabel":
        numbers = _multilabel_scores(known, row_thresholds(spec, labels, thresholds))
    else:
        numbers = _regress_scores(known)
    return {"count": len(known.labels), **_finite(numbers)}


def _index_of(out_of_scope: str | None, spec: OutputSpec) -> int | None:
    if out_of_scope is None:
        return None
    if spec.kind != "classify":
        raise InputError(f"out_of_scope is for classify, not for {spec.kind}")
    if out_of_scope not in spec.labels:
        raise InputError(
            f"out_of_scope {out_of_scope!r} is no label; {nearest(out_of_scope, spec.labels)}"
        )
    return spec.labels.index(out_of_scope)


def _classify_scores(known: Labelled, outside: int | None) -> dict[str, float]:
    truth, predicted = known.labels, known.predictions.argmax(-1)
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        **_f1_scores(truth, predicted),
        "ece": calibration(truth, known.predictions).error,
        **_out_of_scope_scores(known, outside),
    }


def _f1_scores(truth: np.ndarray, predicted: np.ndarray, **columns: Any) -> dict[str, float]:
    return {
        f"{average}_f1": metrics.f1_score(
            truth, predicted, average=average, zero_division=0, **columns
        )
        for average in ("macro", "micro")
    }


def _out_of_scope_scores(known: Labelled, outside: int | None) -> dict[str, float]:
    if outside is None:
        return {}
    truth, predicted = known.labels, known.predictions.argmax(-1)
    is_outside, said_outside = truth == outside, predicted == outside
    parts = {
        "in_scope_accuracy": (~is_outside & (truth == predicted), ~is_outside),
        "out_of_scope_recall": (is_outside & said_outside, is_outside),
        "out_of_scope_precision": (is_outside & said_outside, said_outside),
    }
    numbers = {
        name: part.sum() / whole.sum() for name, (part, whole) in parts.items() if whole.any()
    }
    if is_outside.any() and not is_outside.all():
        numbers["out_of_scope_auroc"] = metrics.roc_auc_score(
            is_outside, known.predictions[:, outside]
        )
    return numbers


def _multilabel_scores(known: Labelled, thresholds: np.ndarray) -> dict[str, float]:
    truth, predicted = decisions(known, thresholds)
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        **_f1_scores(truth, predicted, labels=range(known.labels.shape[1])),
    }


def decisions(known: Labelled, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Decide by the thresholds: truth and prediction, int [n, C + 1], the last column zeros.

    A single column is to scikit-learn a binary task with two classes; a second one keeps
    it multilabel.
    """
    zeros = ((0, 0), (0, 1))
    truth, predicted = known.labels > 0.5, known.predictions >= thresholds
    return np.pad(truth.astype(int), zeros), np.pad(predicted.astype(int), zeros)


def _regress_scores(known: Labelled) -> dict[str, float]:
    truth, values = known.labels[:, 0], known.predictions[:, 0]
    return {
        "mean_squared_error": metrics.mean_squared_error(truth, values),
        "mean_absolute_error": metrics.mean_absolute_error(truth, values),
        **_correlations(truth, values),
    }


def _correlations(truth: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Compute Pearson's r where neither side is constant, r2 where the truth is not."""
    if not np.ptp(truth):
        return {}
    pearson = {"pearson": np.corrcoef(truth, values)[0, 1]} if np.ptp(values) else {}
    return pearson | {"r2": metrics.r2_score(truth, values)}


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}
