"""Whether the model is as good for each group of texts as for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfsocial.evaluation.contract import (
    EvaluationSet,
    Findings,
    Predictor,
    TaskRows,
    labelled_tasks,
)
from tfsocial.metrics.scores import scores

_MAIN = {"classify": "accuracy", "multilabel": "accuracy", "regress": "mean_absolute_error"}


@dataclass(frozen=True)
class Slices:
    """Score the examples of each value of an attribute on their own.

    Ribeiro et al. (2020), Beyond Accuracy: Behavioral Testing of NLP Models with CheckList,
    arXiv:2005.04118, on why one number over all hides failures.

    Attributes:
        attributes: the ones to slice by; none named takes all that the examples have.
        at_least: labelled examples a slice must have to count in the gap; all are listed.
        gap: between the best and the worst slice, from which advice is given.
    """

    attributes: tuple[str, ...] = ()
    at_least: int = 20
    gap: float = 0.1

    def __call__(self, predictor: Predictor, examples: EvaluationSet) -> Findings:
        numbers: dict[str, dict[str, float]] = {}
        tables, advice = {}, []
        names = self.attributes or tuple(examples.attributes)
        if not names:
            return Findings({}, advice=["The examples have no attribute to slice by."])
        for task in labelled_tasks(predictor, examples):
            for name in names:
                rows = _rows(task, examples.attributes.get(name, [""] * len(examples)))
                tables[f"{task.name}/{name}"] = rows
                numbers.setdefault(task.name, {}).update(self._extremes(task, name, rows))
                advice += self._about_gap(task, name, rows)
        return Findings(numbers, tables, {}, advice)

    def _extremes(self, task: TaskRows, name: str, rows: list[dict[str, Any]]) -> dict[str, float]:
        values = self._measured(task, rows)
        if not values:
            return {}
        low, high = min(values.values()), max(values.values())
        return {f"{name}/lowest": low, f"{name}/highest": high, f"{name}/gap": high - low}

    def _measured(self, task: TaskRows, rows: list[dict[str, Any]]) -> dict[str, float]:
        """Map each value of a slice that is large enough to its main score."""
        main = _MAIN[task.spec.kind]
        return {row["value"]: row[main] for row in rows if row["count"] >= self.at_least}

    def _about_gap(self, task: TaskRows, name: str, rows: list[dict[str, Any]]) -> list[str]:
        values = self._measured(task, rows)
        if task.spec.kind == "regress" or not values:
            return []
        worst = min(values, key=values.__getitem__)
        best = max(values, key=values.__getitem__)
        if values[best] - values[worst] <= self.gap:
            return []
        return [
            f"Task {task.name}: {_MAIN[task.spec.kind]} is {values[worst]:.3f} where {name} is "
            f"{worst!r} and {values[best]:.3f} where it is {best!r}; gather examples of the former."
        ]


def _rows(task: TaskRows, values: Sequence[str]) -> list[dict[str, Any]]:
    """Score each value, in the order of the values; examples without one are left out."""
    value_of = np.array([values[row] for row in task.rows], object)
    table = []
    for value in sorted(set(value_of) - {""}):
        mask = value_of == value
        numbers = scores(
            task.spec, task.labels[mask], task.predictions[mask], None, task.thresholds
        )
        table.append({"value": value, **numbers})
    return table
