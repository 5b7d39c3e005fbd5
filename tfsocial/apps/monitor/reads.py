"""What the monitor takes of the model's answers: the sentiment, and the topics if it tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.model import Model
from tfsocial.apps.monitor.records import Labelled, Read
from tfsocial.apps.monitor.topics import TASK
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.gateway.calls import Answered


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


def read(model: Model, negative: str, texts: Sequence[str]) -> Read:
    """Ask a model for the sentiment and the topics of texts.

    Raises:
        Problem: it is not allowed, not possible, or not in time.
    """
    answers = model.answers("classify", texts)
    versions = {_version(answer) for answer in answers}
    if len(versions) > 1:  # exchanged between two calls: all anew, by the new one
        return read(model, negative, texts)
    labelled = [one for answer in answers for one in _labelled(answer, negative)]
    return Read(versions.pop() if versions else "", labelled)


def ask(model: Model, negative: str, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ask a model for vectors [n, d], of length 1, and probabilities of sentiment [n, labels].

    Raises:
        Problem: it is not allowed, not possible, or not in time.
    """
    answers = model.answers("embed", texts)
    tasks = Tasks.of(answers[0].version.manifest, negative)
    vectors = np.concatenate([answer.predictions.embedding for answer in answers])
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    found = [answer.predictions.tasks[tasks.sentiment] for answer in answers]
    return vectors / lengths, np.concatenate(found)


def _version(answer: Answered) -> str:
    return f"{answer.version.number}-{answer.version.manifest_hash[:12]}"


def _labelled(answer: Answered, negative: str) -> list[Labelled]:
    manifest = answer.version.manifest
    tasks = Tasks.of(manifest, negative)
    found = answer.predictions.tasks[tasks.sentiment]
    likeliest = found.argmax(1)
    topics = _topics(answer, manifest, tasks.topic)
    return [
        Labelled(tasks.labels[label], float(found[row, label]), topics[row])
        for row, label in enumerate(likeliest)
    ]


def _topics(answer: Answered, manifest: ModelManifest, task: str) -> Sequence[Sequence[str]]:
    """Give the topics of each text: the likeliest one, or all above their thresholds."""
    if not task:
        return [()] * len(answer.predictions.embedding)
    spec, found = manifest.tasks[task], answer.predictions.tasks[task]
    if spec.kind == "classify":
        return [(spec.labels[label],) for label in found.argmax(1)]
    least = np.array(manifest.thresholds.get(task, [0.5] * len(spec.labels)))
    above = found >= least
    return [[spec.labels[label] for label in np.flatnonzero(row)] for row in above]
