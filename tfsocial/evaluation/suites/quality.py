"""How good the answers are, over all and class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfsocial.evaluation.contract import (
    EvaluationSet,
    Findings,
    Predictor,
    TaskRows,
    labelled_tasks,
)
from tfsocial.metrics.confusion import CONFUSED_PAIRS, confusion_counts, most_confused
from tfsocial.metrics.per_class import class_scores
from tfsocial.metrics.pictures import confusion_matrix
from tfsocial.metrics.scores import scores


@dataclass(frozen=True)
class Quality:
    """Score each task, list each class's precision, recall and F1, and the most confused pairs.

    macro-F1 weighs rare classes as frequent ones, so a dead class shows there; see Opitz & Burst
    (2019), Macro F1 and Macro F1, arXiv:1911.03347, for the mean of F1 scores taken here.

    Attributes:
        ood_labels: task -> the label that means "none of the others", scored on its own too.
        pairs: how many confused pairs to list.
    """

    ood_labels: Mapping[str, str] = field(default_factory=dict)
    pairs: int = CONFUSED_PAIRS

    def __call__(self, predictor: Predictor, examples: EvaluationSet) -> Findings:
        numbers, tables, pictures, advice = {}, {}, {}, []
        for task in labelled_tasks(predictor, examples):
            outputs = (task.spec, task.labels, task.predictions)
            outside = self.ood_labels.get(task.name)
            numbers[task.name] = scores(*outputs, outside, task.thresholds)
            classes = class_scores(*outputs, task.thresholds)
            if classes:
                tables[f"{task.name}/classes"] = _class_rows(task, classes)
                advice += _about_dead(task, tables[f"{task.name}/classes"])
            if task.spec.kind == "classify":
                said = task.predictions.argmax(-1)
                counts = confusion_counts(task.labels, said, task.spec.width)
                tables[f"{task.name}/most_confused"] = most_confused(
                    task.spec.labels, counts, self.pairs
                )
                pictures[f"{task.name}/confusion"] = confusion_matrix(
                    task.labels, said, task.spec.labels
                )
        return Findings(numbers, tables, pictures, advice)


def _class_rows(task: TaskRows, classes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "label": name,
            "precision": float(row["precision"]),
            "recall": float(row["recall"]),
            "f1": float(row["f1-score"]),
            "count": int(row["support"]),
        }
        for name, row in classes.items()
        if isinstance(row, Mapping) and not name.endswith(" avg")
    ]


def _about_dead(task: TaskRows, rows: list[dict[str, Any]]) -> list[str]:
    dead = [row["label"] for row in rows if row["count"] and not row["recall"]]
    if not dead:
        return []
    named = ", ".join(repr(label) for label in dead[:5])
    more = f" and {len(dead) - 5} more" if len(dead) > 5 else ""
    count = int(np.sum([row["count"] for row in rows if row["label"] in dead]))
    return [
        f"Task {task.name}: none of the {count} examples of {named}{more} was found; look at "
        "their training rows."
    ]
