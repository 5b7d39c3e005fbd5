"""What the model is worth beside none, and beside a linear one on n-grams."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tfsocial.evaluation.contract import (
    EvaluationSet,
    Findings,
    Predictor,
    TaskRows,
    labelled_tasks,
)
from tfsocial.metrics.baselines import LabelledTexts, compare
from tfsocial.metrics.scores import PRIMARY, scores

_NOTHING = EvaluationSet((), {})


@dataclass(frozen=True)
class Baselines:
    """Fit the majority and a linear model on TF-IDF to train texts, and score them beside it.

    Wang & Manning (2012), Baselines and Bigrams: Simple, Good Sentiment and Topic Classification,
    ACL 2012.

    Attributes:
        train: what they are fitted to; without it there is no comparison.
        dev: fits the thresholds of multilabel baselines; without it they are 0.5.
    """

    train: EvaluationSet = field(default=_NOTHING)
    dev: EvaluationSet = field(default=_NOTHING)

    def __call__(self, predictor: Predictor, examples: EvaluationSet) -> Findings:
        numbers, tables, advice = {}, {}, []
        for task in labelled_tasks(predictor, examples):
            if task.name not in self.train.labels:
                advice.append(f"Task {task.name}: has no train texts to fit baselines to.")
                continue
            of_model = scores(task.spec, task.labels, task.predictions, None, task.thresholds)
            beside = self._compared(task, examples)
            numbers[task.name] = of_model
            tables[f"{task.name}/baselines"] = [
                {"by": name, **{key: values[key] for key in of_model if key in values}}
                for name, values in {"model": of_model, **beside}.items()
            ]
            advice += _about_beaten(task, of_model, beside)
            if task.spec.kind == "multilabel" and task.name not in self.dev.labels:
                advice.append(f"Task {task.name}: without dev its baselines decide at 0.5.")
        return Findings(numbers, tables, {}, advice)

    def _compared(self, task: TaskRows, examples: EvaluationSet) -> dict[str, dict[str, float]]:
        joined = examples.joined()
        splits = {"test": LabelledTexts([joined[row] for row in task.rows], task.labels)}
        if task.name in self.dev.labels:
            splits["dev"] = LabelledTexts(self.dev.joined(), self.dev.labels[task.name])
        train = LabelledTexts(self.train.joined(), np.asarray(self.train.labels[task.name]))
        return compare(task.spec, train, splits)["test"]


def _about_beaten(
    task: TaskRows, of_model: dict[str, float], beside: dict[str, dict[str, float]]
) -> list[str]:
    name = PRIMARY[task.spec.kind]
    return [
        f"Task {task.name}: {baseline} has {name} {values[name]:.3f}, and the model "
        f"{of_model[name]:.3f}; it is not worth its cost yet."
        for baseline, values in beside.items()
        if name in values and values[name] >= of_model.get(name, np.inf)
    ]
