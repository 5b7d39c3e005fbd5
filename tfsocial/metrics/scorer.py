"""The dev score of each task while a run trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from tfsocial.metrics.labelled import OutputSpec
from tfsocial.metrics.scores import scores
from tfsocial.metrics.thresholds import tune_thresholds

if TYPE_CHECKING:
    from tfsocial.config import Task

MONITORED = "dev/monitored"  # the curve of what picks the weights, averaged over the tasks


@dataclass(frozen=True)
class Scorer:
    """Score tasks with what their sections of the config say of scoring.

    Attributes:
        out_of_scope: task -> the label that means "none of the others", if it has one.
    """

    out_of_scope: Mapping[str, str | None]

    @classmethod
    def of(cls, tasks: Mapping[str, Task]) -> Self:
        """Take the settings from a config's tasks."""
        return cls({name: task.ood_label for name, task in tasks.items()})

    def scores(
        self, task: str, spec: OutputSpec, labels: np.ndarray, predictions: np.ndarray
    ) -> Mapping[str, float]:
        """Score one task, a multilabel one at the thresholds that suit these very rows best.

        All epochs are favoured alike by that, so the numbers compare epochs; they are no measure
        of the model. The report of a run cross-fits its thresholds.
        """
        thresholds = self.thresholds(spec, labels, predictions)
        return scores(spec, labels, predictions, self.out_of_scope.get(task), thresholds)

    def thresholds(
        self, spec: OutputSpec, labels: np.ndarray, predictions: np.ndarray
    ) -> np.ndarray | None:
        """Fit a multilabel task's decision thresholds [C] to these rows; None for other kinds."""
        return tune_thresholds(labels, predictions) if spec.kind == "multilabel" else None
