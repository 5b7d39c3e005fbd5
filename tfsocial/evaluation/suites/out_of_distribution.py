"""Whether the model knows what it was not made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tfsocial.evaluation.contract import (
    EvaluationSet,
    Findings,
    Predictor,
    TaskRows,
    labelled_tasks,
)
from tfsocial.metrics.scores import scores

_NAMES = {
    "in_scope_accuracy": "in_scope_accuracy",
    "out_of_scope_recall": "recall",
    "out_of_scope_precision": "precision",
    "out_of_scope_auroc": "auroc",
}


@dataclass(frozen=True)
class OutOfDistribution:
    """Score the label that means "none of the others": its recall, precision, AUROC.

    Beside it the accuracy on all other examples, where answering that label is wrong. Larson et
    al. (2019), An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction,
    arXiv:1909.02027; the AUROC as Hendrycks & Gimpel (2017), arXiv:1610.02136.

    Attributes:
        ood_labels: task -> that label; a task whose head tells it by a score needs no entry.
    """

    ood_labels: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, predictor: Predictor, examples: EvaluationSet) -> Findings:
        numbers, advice = {}, []
        for task in labelled_tasks(predictor, examples):
            label = self.ood_labels.get(task.name) or _told_by_score(task)
            if label is None:
                continue
            measured = scores(task.spec, task.labels, task.predictions, label)
            outside = int((task.labels == task.spec.labels.index(label)).sum())
            numbers[task.name] = {
                "count": measured["count"],
                "ood_count": outside,
                **{name: measured[key] for key, name in _NAMES.items() if key in measured},
            }
            if not outside:
                advice.append(
                    f"Task {task.name}: no example has the label {label!r}, so nothing says "
                    "whether it would be found."
                )
        return Findings(numbers, advice=advice)


def _told_by_score(task: TaskRows) -> str | None:
    """Give the last label of a head that tells it by a score."""
    return task.spec.labels[-1] if getattr(task.spec, "scope", None) else None
