"""What the monitor takes of a model's numbers: the sentiment, and the topics if it tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.monitor.records import Labelled
from tfsocial.apps.monitor.topics import TASK
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.predictor import Predictions


@dataclass(frozen=True)
class Tasks:
    """Which of a model's tasks is what.

    Attributes:
        sentiment: name of the task.
        labels: of sentiment.
        topic: name of the task; empty: it has none.
    """

    sentiment: str
    labels: Sequence[str]
    topic: str = ""

    @classmethod
    def of(cls, manifest: ModelManifest, negative: str) -> Tasks:
        """Find them by what labels there are.

        Raises:
            InputError: not one task has the label of what is negative; names all labels.
        """
        specs: Mapping[str, HeadSpec] = manifest.tasks
        found = [
            name
            for name, spec in specs.items()
            if spec.kind == "classify" and negative in spec.labels
        ]
        if len(found) != 1:
            known = {name: list(spec.labels) for name, spec in specs.items()}
            raise InputError(
                f"--negative={negative}: is a label of {len(found) or 'no'} tasks of the model "
                f"({known}); name one that a single task has"
            )
        (sentiment,) = found
        topic = TASK if TASK in specs and specs[TASK].kind != "regress" else ""
        return cls(sentiment, specs[sentiment].labels, topic)


def labelled(manifest: ModelManifest, said: Predictions, negative: str) -> list[Labelled]:
    """Give what a model said of texts, from its numbers.

    Raises:
        InputError: not one task has the label of what is negative.
    """
    tasks = Tasks.of(manifest, negative)
    found = said.tasks[tasks.sentiment]
    topics = _topics(manifest, said, tasks.topic)
    return [
        Labelled(tasks.labels[label], float(found[row, label]), topics[row])
        for row, label in enumerate(found.argmax(1))
    ]


def _topics(manifest: ModelManifest, said: Predictions, task: str) -> Sequence[Sequence[str]]:
    """Give the topics of each text: the likeliest one, or all above their thresholds."""
    if not task:
        return [()] * len(said.embedding)
    spec, found = manifest.tasks[task], said.tasks[task]
    if spec.kind == "classify":
        return [(spec.labels[label],) for label in found.argmax(1)]
    least = np.array(manifest.thresholds.get(task, [0.5] * len(spec.labels)))
    above = found >= least
    return [[spec.labels[label] for label in np.flatnonzero(row)] for row in above]
