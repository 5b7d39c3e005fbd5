"""What the monitor takes of the model's answers: the sentiment, and the topics if it tells them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.apps.model import Model, unit_vectors, version_of
from tfsocial.apps.monitor.records import Labelled, Read
from tfsocial.apps.monitor.tasks import Tasks, labelled
from tfsocial.serving.gateway.calls import Answered


def read(model: Model, negative: str, texts: Sequence[str]) -> Read:
    """Ask a model for the sentiment and the topics of texts.

    Raises:
        Problem: it is not allowed, not possible, or not in time.
    """
    answers = model.answers("classify", texts)
    versions = {version_of(answer) for answer in answers}
    if len(versions) > 1:  # exchanged between two calls: all anew, by the new one
        return read(model, negative, texts)
    found = [one for answer in answers for one in _labelled(answer, negative)]
    return Read(versions.pop() if versions else "", found)


def ask(model: Model, negative: str, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Ask a model for vectors [n, d], of length 1, and probabilities of sentiment [n, labels].

    Raises:
        Problem: it is not allowed, not possible, or not in time.
    """
    answers = model.answers("embed", texts)
    tasks = Tasks.of(answers[0].version.manifest, negative)
    found = [answer.predictions.tasks[tasks.sentiment] for answer in answers]
    return unit_vectors(answers), np.concatenate(found)


def _labelled(answer: Answered, negative: str) -> list[Labelled]:
    return labelled(answer.version.manifest, answer.predictions, negative)
