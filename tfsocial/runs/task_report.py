"""What report.json says of one task on one split: its scores, and what explains them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfsocial.metrics.calibration import certainty_scores
from tfsocial.metrics.confusion import confusion_counts, most_confused
from tfsocial.metrics.labelled import OutputSpec, labelled_rows
from tfsocial.metrics.per_class import CLASSES_IN_FULL, class_scores
from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import FOLDS

Report = dict[str, Any]

FITTED_ON_DEV = "dev"
CROSS_FITTED = f"dev, for each of its rows without the fifth it is in ({FOLDS} folds)"


def task_report(
    spec: OutputSpec,
    labels: np.ndarray,
    predictions: np.ndarray,
    out_of_scope: str | None = None,
    thresholds: np.ndarray | None = None,
    cross_fitted: np.ndarray | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
    label_set_threshold: float | None = None,
) -> Report:
    """Score one task on one split and explain the scores; plain Python values throughout.

    Beside the scores and `kind`, where they apply:
        classes: scikit-learn's classification_report as a dict.
        most_confused: up to 20 of {"truth", "predicted", "count"}, most frequent first.
        confusion_matrix: {"labels": [C], "counts": [C][C]}, truth in rows; for C <= 30.
        ece_if_calibrated, nll, brier, label_set_coverage, label_set_size, label_set_empty: see
            `metrics.calibration.certainty_scores`.
        thresholds: label -> the model's threshold, where some were given.
        thresholds_fitted_on: in words, the rows that chose the thresholds of the scores here.
        baselines: baseline -> its scores.

    Args:
        thresholds: [C], those of the model; left out, 0.5.
        cross_fitted: [n, C], to score with in their stead, where the model's were fitted on
            these very rows.
        label_set_threshold: the model's, if it has one.

    Raises:
        ValueError, InputError: as `scores`.
    """
    used = thresholds if cross_fitted is None else cross_fitted
    result: Report = {"kind": spec.kind, **scores(spec, labels, predictions, out_of_scope, used)}
    table = class_scores(spec, labels, predictions, used)
    result |= {"classes": table} if table else {}
    if spec.kind == "classify" and result["count"]:
        result |= certainty_scores(labels, predictions, label_set_threshold)
        result |= _confusion(spec, labels, predictions)
    if spec.kind == "multilabel" and thresholds is not None:
        result["thresholds"] = dict(zip(spec.labels, thresholds, strict=True))
        result["thresholds_fitted_on"] = FITTED_ON_DEV if cross_fitted is None else CROSS_FITTED
    return plain(result | ({"baselines": baselines} if baselines else {}))


def _confusion(spec: OutputSpec, labels: np.ndarray, predictions: np.ndarray) -> Report:
    known = labelled_rows(spec, labels, predictions)
    counts = confusion_counts(known.labels, known.predictions.argmax(-1), spec.width)
    confusion: Report = {"most_confused": most_confused(spec.labels, counts)}
    if spec.width <= CLASSES_IN_FULL:
        confusion["confusion_matrix"] = {"labels": spec.labels, "counts": counts}
    return confusion


def plain(value: Any) -> Any:
    """Turn a tree into one for JSON: numpy's numbers as Python's, non-finite ones as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
