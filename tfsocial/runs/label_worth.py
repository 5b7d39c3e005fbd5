"""What more labels would bring, and which classes need them: of runs with few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tfsocial.checkpoints import community
from tfsocial.config import Config
from tfsocial.data.examples import Examples
from tfsocial.metrics.labelled import OutputSpec
from tfsocial.metrics.learning_curve import LearningCurve
from tfsocial.metrics.probe import out_of_fold_logits

FEWEST, MOST = 40, 2000  # labels; with fewer nothing can be said, of more ten are worth nothing
SHARES = (0.25, 0.4, 0.6, 0.8, 1.0)  # of the labels: points of the curve
MORE = (10, 100)
NEEDIEST = 5  # classes
REPEATS = 3  # drawings of each share

Worth = dict[str, Any]


def of(
    config: Config, specs: Mapping[str, OutputSpec], train: Examples, row_length: int
) -> dict[str, Worth]:
    """Estimate what more labels are worth to each classification with few of them.

    By a regression on M0's vectors and folds of train, since the tuned encoder has seen train. Its
    accuracy over the number of labels is a power law (see `LearningCurve`), and what is told is
    what that gains: the model's own gain may be another.

    Returns:
        task -> `labels`; `more`: number of labels -> points of accuracy gained, expected and the
        band that holds 8 times of 10; `classes`: those that a regression finds worst, with their
        labels and the share of them that it finds.
    """
    m0 = community.of_config(config.model)
    few = {
        task: train.labels[task]
        for task, spec in specs.items()
        if spec.kind == "classify" and FEWEST <= (train.labels[task] >= 0).sum() <= MOST
    }
    if not (few and m0.trained and config.report.more_labels):
        return {}
    vectors = m0.embedder(config.model.pooling, row_length)(train)
    found = {
        task: _worth(vectors[labels >= 0], labels[labels >= 0], specs[task].labels)
        for task, labels in few.items()
        if len(np.unique(labels[labels >= 0])) > 1
    }
    return {task: worth for task, worth in found.items() if worth}


def _worth(vectors: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> Worth:
    random = np.random.default_rng(0)
    sizes = np.array([int(share * len(labels)) for share in SHARES])
    accuracy = [_accuracy(vectors, labels, size, random) for size in sizes[:-1]]
    right = _right(vectors, labels)
    curve = LearningCurve.of(sizes, np.array([*accuracy, right.mean()]))
    more = {str(count): _gain(curve, len(labels), count) for count in MORE}
    return {
        "labels": len(labels),
        "more": more,
        "classes": [*_neediest(labels, right, names)],
    }


def _right(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mark texts that a regression which has not seen them is right about, bool [n]."""
    _, codes = np.unique(labels, return_inverse=True)
    return out_of_fold_logits(vectors, codes, int(codes.max()) + 1).argmax(1) == codes


def _accuracy(
    vectors: np.ndarray, labels: np.ndarray, size: int, random: np.random.Generator
) -> float:
    """Give the accuracy of regressions with so many labels, the mean of some drawings."""
    drawn = (random.permutation(len(labels))[:size] for _ in range(REPEATS))
    return float(np.mean([_right(vectors[rows], labels[rows]).mean() for rows in drawn]))


def _gain(curve: LearningCurve, labels: int, more: int) -> dict[str, float]:
    """Give the points gained, and the band: what is uncertain now is not gained."""
    errors = 1 - curve.drawn[:, 0]
    gains = errors * (1 - ((labels + more) / labels) ** curve.drawn[:, 1])
    low, high = np.quantile(gains, (0.1, 0.9))
    expected = curve.at(labels + more)[0] - curve.at(labels)[0]
    return {"expected": float(expected), "low": float(low), "high": float(high)}


def _neediest(
    labels: np.ndarray, right: np.ndarray, names: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    counts = np.bincount(labels, minlength=len(names))
    found = np.bincount(labels, right, minlength=len(names)) / np.maximum(counts, 1)
    worst = [one for one in np.lexsort((counts, found)) if found[one] < right.mean()]
    for one in worst[:NEEDIEST]:
        yield {"label": names[one], "labels": int(counts[one]), "recall": float(found[one])}


def lines(task: str, worth: Worth) -> list[str]:
    """Write it for people.

    >>> worth = {"labels": 80, "more": {"10": {"expected": 0.012, "low": 0.004, "high": 0.02}},
    ...          "classes": [{"label": "late", "labels": 4, "recall": 0.25}]}
    >>> print("\\n".join(lines("mood", worth)))
    more labels, mood: of 80, by a regression on M0's vectors
        10 more: +1.2 points of accuracy (0.4 to 2.0)
        needed most: late (4 labels, 25 % found)
    """
    gains = [
        f"{count:>6} more: +{100 * gain['expected']:.1f} points of accuracy "
        f"({100 * gain['low']:.1f} to {100 * gain['high']:.1f})"
        for count, gain in worth["more"].items()
    ]
    classes = ", ".join(
        f"{one['label']} ({one['labels']} labels, {100 * one['recall']:.0f} % found)"
        for one in worth["classes"]
    )
    title = f"more labels, {task}: of {worth['labels']}, by a regression on M0's vectors"
    return [title, *gains, *([f"    needed most: {classes}"] if classes else [])]
