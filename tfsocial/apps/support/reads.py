"""What customer service takes of the model's answers: vectors, and intents if it classifies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfsocial.apps.model import Model, unit_vectors
from tfsocial.apps.support.records import Read
from tfsocial.serving.gateway.calls import Answered


def read(model: Model, texts: Sequence[str]) -> Read:
    """Give vectors of length 1, and the probabilities of intents if there is one classifier.

    Raises:
        Problem: it is not allowed, not possible, or not in time.
    """
    found = model.answers("embed", texts)
    return Read(unit_vectors(found), [intents for one in found for intents in _intents(one)])


def _intents(found: Answered) -> list[Mapping[str, float]]:
    """Give label -> probability of each text, where one task alone labels texts."""
    tasks = found.version.manifest.tasks
    classes = [name for name, spec in tasks.items() if spec.kind == "classify"]
    if len(classes) != 1:
        return [{}] * len(found.predictions.embedding)
    (task,) = classes
    rows = found.predictions.tasks[task].tolist()
    return [dict(zip(tasks[task].labels, row, strict=True)) for row in rows]
