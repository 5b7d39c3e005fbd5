"""What every metric takes: what a task predicts, its labels and its predictions.

Everywhere in this package n examples of a task with C labels are

    kind         labels                              predictions
    classify     int [n], -1: unlabelled             probabilities [n, C]
    multilabel   float [n, C] of 0 and 1             probabilities [n, C], each on its own
    regress      float [n, 1]                        values [n, 1]

A float row with a NaN in it is unlabelled, as in the task's loss. Unlabelled rows count nowhere.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

_ROUNDING = 1e-3  # how far outside [0, 1] low precision may put a probability


class OutputSpec(Protocol):
    """What a task predicts; a model's head says it, without its framework being needed here."""

    @property
    def kind(self) -> str:
        """classify, multilabel or regress."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the predictions; none for a regression."""

    @property
    def width(self) -> int:
        """Columns of the predictions."""


def is_labelled(spec: OutputSpec, labels: np.ndarray) -> np.ndarray:
    """Tell which rows have a label, bool [n]."""
    return labels >= 0 if spec.kind == "classify" else np.isfinite(labels).all(-1)


class Labelled(NamedTuple):
    """Labels, int64 or float64, and predictions, float64, of the labelled rows."""

    labels: np.ndarray
    predictions: np.ndarray


def labelled_rows(spec: OutputSpec, labels: np.ndarray, predictions: np.ndarray) -> Labelled:
    """Keep the labelled rows, in their order.

    Args:
        labels, predictions: of n rows, shaped as the table above says.

    Raises:
        ValueError: shapes, label indices, probabilities or values do not fit the spec.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions, np.float64)
    rows = (len(labels),) if spec.kind == "classify" else (len(labels), spec.width)
    check_shape("labels", labels, rows)
    check_shape("predictions", predictions, (len(labels), spec.width))
    if spec.kind == "classify":
        _check_indices(labels, spec.width)
    known = is_labelled(spec, labels)
    labels, predictions = labels[known], predictions[known]
    if spec.kind == "regress":
        _check_finite(predictions)
    else:
        check_probabilities(predictions)
    return Labelled(labels.astype(np.int64 if spec.kind == "classify" else np.float64), predictions)


def check_shape(name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    """Refuse an array, of any type, that has another shape, by ValueError."""
    if values.shape != shape:
        raise ValueError(f"{name} have shape {list(values.shape)}; expected {list(shape)}")


def _check_indices(labels: np.ndarray, classes: int) -> None:
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are {labels.dtype}; expected integers")
    strange = labels[(labels < -1) | (labels >= classes)]
    if strange.size:
        raise ValueError(f"label {strange[0]} is no class; expected -1 (none) to {classes - 1}")


def _check_finite(predictions: np.ndarray) -> None:
    if not np.isfinite(predictions).all():
        raise ValueError("predictions are NaN or infinite; the model has diverged")


def check_probabilities(predictions: np.ndarray) -> None:
    """Refuse float [n, C] with a value outside [0, 1] or not finite, by ValueError."""
    _check_finite(predictions)
    if (
        predictions.size
        and not -_ROUNDING <= predictions.min() <= predictions.max() <= 1 + _ROUNDING
    ):
        raise ValueError(
            f"predictions lie in [{predictions.min():.4g}, {predictions.max():.4g}]; "
            "expected probabilities, not logits"
        )
