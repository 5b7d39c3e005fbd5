"""Labels and predictions in, report.json and report.txt out.

Everywhere here n examples of a task with C labels are

    kind         labels                              predictions
    classify     int [n], -1: unlabelled             probabilities [n, C]
    multilabel   float [n, C] of 0 and 1             probabilities [n, C], each on its own
    regress      float [n, 1]                        values [n, 1]

A float row with a NaN in it is unlabelled, as in the task's loss. Unlabelled rows count
nowhere. A score that is not defined (a ratio over nothing, the correlation with a constant)
is left out rather than written as 0 or NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn import metrics

from tfsocial import files
from tfsocial.config import InputError, nearest

if TYPE_CHECKING:  # a report is read and written without waiting for TensorFlow
    from tfsocial.models.heads import HeadSpec

Report = dict[str, Any]

CLASSES_IN_FULL = 30  # more rows than this nobody reads, nor a matrix of them
CONFUSED_PAIRS = 20
WORST_CLASSES = 10
CALIBRATION_BINS = 15
DEFAULT_THRESHOLD = 0.5

_AVERAGES = ("accuracy", "micro avg", "macro avg", "weighted avg", "samples avg")
_ERRORS = ("mean_squared_error", "mean_absolute_error")
_ROUNDING = 1e-3  # how far outside [0, 1] low precision may put a probability


def scores(
    spec: HeadSpec,
    labels: np.ndarray,
    predictions: np.ndarray,
    out_of_scope: str | None = None,
    thresholds: np.ndarray | None = None,
) -> dict[str, float]:
    """The numbers of one task on one split; only {"count": 0} when no row is labelled.

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
        thresholds: [C], for multilabel; left out, 0.5.

    Raises:
        ValueError: shapes, label indices or probabilities do not fit the spec.
        InputError: `out_of_scope` is none of the task's labels.
    """
    known = _labelled(spec, labels, predictions)
    outside = _index_of(out_of_scope, spec)
    if not len(known.labels):
        return {"count": 0}
    if spec.kind == "classify":
        found = _classify_scores(known, outside)
    elif spec.kind == "multilabel":
        found = _multilabel_scores(known, _thresholds(spec, thresholds))
    else:
        found = _regress_scores(known)
    return {"count": len(known.labels), **_finite(found)}


def report(
    spec: HeadSpec,
    labels: np.ndarray,
    predictions: np.ndarray,
    out_of_scope: str | None = None,
    thresholds: np.ndarray | None = None,
    baselines: Mapping[str, Mapping[str, float]] | None = None,
) -> Report:
    """`scores`, and what explains them; plain Python values throughout.

    Beside the scores and `kind`, where they apply:
        classes: scikit-learn's classification_report as a dict.
        most_confused: up to 20 of {"truth", "predicted", "count"}, most frequent first.
        confusion_matrix: {"labels": [C], "counts": [C][C]}, truth in rows; for C <= 30.
        thresholds: label -> the threshold in use, where some were given.
        baselines: as `baselines.compare` gives them.

    Arguments and errors are those of `scores`.
    """
    result: Report = {
        "kind": spec.kind,
        **scores(spec, labels, predictions, out_of_scope, thresholds),
    }
    known = _labelled(spec, labels, predictions)
    if len(known.labels) and spec.kind == "classify":
        result |= _classify_details(spec, known)
    if len(known.labels) and spec.kind == "multilabel":
        result["classes"] = _multilabel_classes(spec, known, _thresholds(spec, thresholds))
    if thresholds is not None and spec.kind == "multilabel":
        result["thresholds"] = dict(zip(spec.labels, thresholds, strict=True))
    return _plain(result | ({"baselines": baselines} if baselines else {}))


def tune_thresholds(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Per label, the threshold with the best F1 on these rows (the dev split, never test).

    Candidates are 0.5 and the midpoints between neighbouring probabilities; of several
    equally good ones the nearest to 0.5 wins, the lower of two as near. A label no row
    carries keeps 0.5. Rare labels overfit: ten positives make no trustworthy threshold.
    (Lipton et al. 2014, Thresholding Classifiers to Maximize F1 Score, arXiv:1402.1892.)

    Args:
        labels: float [n, C] of 0 and 1; rows with NaN are left out.
        predictions: probabilities [n, C].

    Returns:
        float64 [C].

    >>> tune_thresholds(np.array([[1.0], [1.0], [0.0]]), np.array([[0.9], [0.4], [0.2]]))
    array([0.3])
    """
    labels, predictions = np.asarray(labels, np.float64), np.asarray(predictions, np.float64)
    _check_shape("predictions", predictions, labels.shape)
    rows = np.isfinite(labels).all(-1)
    truth, predictions = labels[rows] > 0.5, predictions[rows]
    _check_probabilities(predictions)
    return np.array(
        [_best_threshold(truth[:, c], predictions[:, c]) for c in range(labels.shape[1])],
        np.float64,
    )


class Calibration(NamedTuple):
    """Bins of equal width over confidence: count, mean confidence and accuracy, each [bins].

    The means of an empty bin are 0, and so is the error over no example at all.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """Expected calibration error: sum_b count_b / n |accuracy_b - confidence_b|."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(self.count @ gaps / max(self.count.sum(), 1))


def calibration(
    labels: np.ndarray, probabilities: np.ndarray, bins: int = CALIBRATION_BINS
) -> Calibration:
    """How often the likeliest class is right, binned by its probability.

    Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599, section 2:
    bin b of B holds the confidences in ((b - 1) / B, b / B].

    Args:
        labels: int [n], -1 where unlabelled.
        probabilities: [n, C].

    >>> calibration(np.array([0, 1]), np.array([[0.75, 0.25], [0.75, 0.25]]), bins=2).error
    0.25
    """
    rows = np.asarray(labels) >= 0
    probabilities = np.asarray(probabilities, np.float64)[rows]
    confidence = probabilities.max(-1)
    right = probabilities.argmax(-1) == np.asarray(labels)[rows]
    bin_of = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    count = np.bincount(bin_of, minlength=bins)
    sums = (np.bincount(bin_of, values, bins) for values in (confidence, right))
    return Calibration(count, *(total / np.maximum(count, 1) for total in sums))


def confusion_counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Examples by truth (rows) and prediction, int [classes, classes].

    Args:
        labels: int [n], -1 where unlabelled.
        predicted: int [n], the class chosen.

    Raises:
        ValueError: a class outside the matrix.

    >>> confusion_counts(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 0]), 2)
    array([[1, 1], [0, 1]])
    """
    known = labels >= 0
    cells = np.ravel_multi_index((labels[known], predicted[known]), (classes, classes))
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


# --- human text ------------------------------------------------------------------------


def as_text(report: Report, title: str) -> str:
    """A report (also one read back from report.json) for people, baselines beside the scores.

    The table is scikit-learn's; beyond 30 classes only its 10 worst by F1 are shown.
    """
    lines = [title, "=" * len(title), f"count {report['count']}"]
    if not report["count"]:
        return "\n".join([*lines, "no example of this split has a label for this task", ""])
    lines += [_score_line(name, report) for name in _score_names(report)]
    if "classes" in report:
        lines += ["", *_class_lines(report["classes"])]
    if report.get("most_confused"):
        lines += ["", "most confused, truth -> prediction", *_confused_lines(report)]
    return "\n".join([*lines, ""])


def _score_names(report: Report) -> list[str]:
    return [
        name for name, value in report.items() if name != "count" and isinstance(value, int | float)
    ]


def _score_line(name: str, report: Report) -> str:
    """'accuracy 0.934; majority 0.071 (+0.863); TF-IDF + linear SVM 0.710 (+0.224)'."""
    value = report[name]
    beside = [
        f"; {_baseline_name(baseline, report)} {_number(name, found[name])} "
        f"({_number(name, value - found[name], '+')})"
        for baseline, found in report.get("baselines", {}).items()
        if name in found
    ]
    return f"{name} {_number(name, value)}{''.join(beside)}"


def _baseline_name(baseline: str, report: Report) -> str:
    if baseline != "tfidf_linear":
        return baseline
    return f"TF-IDF + {'linear SVM' if report['kind'] == 'classify' else 'logistic regression'}"


def _number(name: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.4g}" if name in _ERRORS else f"{value:{sign}.3f}"


def _class_lines(classes: Mapping[str, Any]) -> list[str]:
    named = {name: row for name, row in classes.items() if name not in _AVERAGES}
    if len(named) <= CLASSES_IN_FULL:
        return _table(classes)
    worst = sorted(named.items(), key=lambda item: item[1]["f1-score"])[:WORST_CLASSES]
    title = f"the {len(worst)} worst of {len(named)} classes by F1"
    return [title, *_table(dict(worst))]


def _table(classes: Mapping[str, Any]) -> list[str]:
    """Lines of `sklearn.metrics.classification_report(digits=3)`, from its dict."""
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


def _confused_lines(report: Report) -> Iterable[str]:
    for pair in report["most_confused"]:
        yield f"{pair['count']:>6}  {pair['truth']} -> {pair['predicted']}"


# --- files -----------------------------------------------------------------------------


def write(reports: Mapping[str, Mapping[str, Report]], workdir: Path) -> None:
    """report.json and report.txt of reports[split][task], each whole or as it was before.

    Numbers JSON has no word for (NaN, infinity) become null.
    """
    texts = [
        as_text(report, f"{split} / {task}")
        for split, tasks in reports.items()
        for task, report in tasks.items()
    ]
    tree = json.dumps(_plain(reports), indent=2, ensure_ascii=False, allow_nan=False)
    workdir = Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    for name, text in (("report.json", f"{tree}\n"), ("report.txt", "\n".join(texts))):
        with files.replacing(workdir / name) as partial:
            partial.write_text(text, encoding="utf-8")


def _plain(value: Any) -> Any:
    """The tree with numpy's numbers as Python's and non-finite ones as None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- what is labelled, and whether it fits ----------------------------------------------


class _Labelled(NamedTuple):
    """Labels and predictions of the labelled rows; labels int64 or float64, else float64."""

    labels: np.ndarray
    predictions: np.ndarray


def _labelled(spec: HeadSpec, labels: np.ndarray, predictions: np.ndarray) -> _Labelled:
    labels, predictions = np.asarray(labels), np.asarray(predictions, np.float64)
    rows = (len(labels),) if spec.kind == "classify" else (len(labels), spec.width)
    _check_shape("labels", labels, rows)
    _check_shape("predictions", predictions, (len(labels), spec.width))
    if spec.kind == "classify":
        _check_indices(labels, spec.width)
        known = labels >= 0
    else:
        known = np.isfinite(labels).all(-1)
    labels, predictions = labels[known], predictions[known]
    if spec.kind == "regress":
        _check_finite(predictions)
    else:
        _check_probabilities(predictions)
    return _Labelled(
        labels.astype(np.int64 if spec.kind == "classify" else np.float64), predictions
    )


def _check_shape(name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
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


def _check_probabilities(predictions: np.ndarray) -> None:
    _check_finite(predictions)
    if (
        predictions.size
        and not -_ROUNDING <= predictions.min() <= predictions.max() <= 1 + _ROUNDING
    ):
        raise ValueError(
            f"predictions lie in [{predictions.min():.4g}, {predictions.max():.4g}]; "
            "expected probabilities, not logits"
        )


def _index_of(out_of_scope: str | None, spec: HeadSpec) -> int | None:
    if out_of_scope is None:
        return None
    if spec.kind != "classify":
        raise InputError(f"out_of_scope is for classify, not for {spec.kind}")
    if out_of_scope not in spec.labels:
        raise InputError(
            f"out_of_scope {out_of_scope!r} is no label; {nearest(out_of_scope, spec.labels)}"
        )
    return spec.labels.index(out_of_scope)


def _thresholds(spec: HeadSpec, thresholds: np.ndarray | None) -> np.ndarray:
    if thresholds is None:
        return np.full(spec.width, DEFAULT_THRESHOLD)
    thresholds = np.asarray(thresholds, np.float64)
    _check_shape("thresholds", thresholds, (spec.width,))
    return thresholds


# --- classify --------------------------------------------------------------------------


def _classify_scores(known: _Labelled, outside: int | None) -> dict[str, float]:
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


def _out_of_scope_scores(known: _Labelled, outside: int | None) -> dict[str, float]:
    if outside is None:
        return {}
    truth, predicted = known.labels, known.predictions.argmax(-1)
    is_outside, said_outside = truth == outside, predicted == outside
    parts = {
        "in_scope_accuracy": (~is_outside & (truth == predicted), ~is_outside),
        "out_of_scope_recall": (is_outside & said_outside, is_outside),
        "out_of_scope_precision": (is_outside & said_outside, said_outside),
    }
    found = {name: part.sum() / whole.sum() for name, (part, whole) in parts.items() if whole.any()}
    if is_outside.any() and not is_outside.all():
        found["out_of_scope_auroc"] = metrics.roc_auc_score(
            is_outside, known.predictions[:, outside]
        )
    return found


def _classify_details(spec: HeadSpec, known: _Labelled) -> Report:
    truth, predicted = known.labels, known.predictions.argmax(-1)
    present = np.union1d(truth, predicted)
    counts = confusion_counts(truth, predicted, spec.width)
    details = {
        "classes": _class_table(spec, truth, predicted, present),
        "most_confused": _most_confused(spec.labels, counts),
    }
    if spec.width <= CLASSES_IN_FULL:
        details["confusion_matrix"] = {"labels": spec.labels, "counts": counts}
    return details


def _class_table(
    spec: HeadSpec, truth: np.ndarray, predicted: np.ndarray, columns: Iterable[int]
) -> Report:
    return metrics.classification_report(
        truth,
        predicted,
        labels=list(columns),
        target_names=[_row_name(spec.labels[column]) for column in columns],
        output_dict=True,
        zero_division=0,
    )


def _row_name(label: str) -> str:
    """A label called like one of the averages would be overwritten by it."""
    return f"{label} (label)" if label in _AVERAGES else label


def _most_confused(labels: tuple[str, ...], counts: np.ndarray) -> list[Report]:
    """Off-diagonal cells that are not 0, most frequent first, then in the order of the labels."""
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED_PAIRS]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [
        {"truth": labels[truth], "predicted": labels[predicted], "count": wrong[truth, predicted]}
        for truth, predicted in pairs
        if wrong[truth, predicted]
    ]


# --- multilabel ------------------------------------------------------------------------


def _multilabel_scores(known: _Labelled, thresholds: np.ndarray) -> dict[str, float]:
    truth, predicted = _decisions(known, thresholds)
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        **_f1_scores(truth, predicted, labels=range(len(thresholds))),
    }


def _decisions(known: _Labelled, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction, int [n, C + 1], with a last column of zeros nobody scores.

    A single column is to scikit-learn a binary task with two classes; a second one keeps
    it multilabel.
    """
    zeros = ((0, 0), (0, 1))
    truth, predicted = known.labels > 0.5, known.predictions >= thresholds
    return np.pad(truth.astype(int), zeros), np.pad(predicted.astype(int), zeros)


def _multilabel_classes(spec: HeadSpec, known: _Labelled, thresholds: np.ndarray) -> Report:
    return _class_table(spec, *_decisions(known, thresholds), range(spec.width))


def _best_threshold(truth: np.ndarray, probabilities: np.ndarray) -> float:
    if not truth.any():
        return DEFAULT_THRESHOLD
    seen = np.append(0.0, np.unique(probabilities))
    candidates = np.append((seen[1:] + seen[:-1]) / 2, DEFAULT_THRESHOLD)
    f1 = _f1_at(candidates, truth, probabilities)
    best = candidates[f1 == f1.max()]
    return min(best, key=lambda threshold: (abs(threshold - DEFAULT_THRESHOLD), threshold))


def _f1_at(thresholds: np.ndarray, truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """F1 of `probabilities >= threshold` at each threshold; some row must be positive."""
    said, hits = (
        len(values) - np.searchsorted(np.sort(values), thresholds)
        for values in (probabilities, probabilities[truth])
    )
    return 2 * hits / (said + truth.sum())


# --- regress ---------------------------------------------------------------------------


def _regress_scores(known: _Labelled) -> dict[str, float]:
    truth, values = known.labels[:, 0], known.predictions[:, 0]
    return {
        "mean_squared_error": metrics.mean_squared_error(truth, values),
        "mean_absolute_error": metrics.mean_absolute_error(truth, values),
        **_correlations(truth, values),
    }


def _correlations(truth: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Pearson's r where neither side is constant, r2 where the truth is not."""
    if not np.ptp(truth):
        return {}
    pearson = {"pearson": np.corrcoef(truth, values)[0, 1]} if np.ptp(values) else {}
    return pearson | {"r2": metrics.r2_score(truth, values)}


def _finite(found: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}
