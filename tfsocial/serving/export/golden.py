"""Requests whose answers are known: whoever loads the model can see that it says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.data.reading.feature_cells import FeatureCell
from tfsocial.models.spec import FeatureSpec
from tfsocial.serving.predictor import Predictions

# Written for this: nobody's data. Plain, empty, other scripts, signs, longer than a row.
TEXTS = (
    "Where is my order?",
    "",
    "I was charged twice, please help!",
    "我的卡在哪里？",
    "Où est ma commande ? ÉTÉ",
    "🙂 100 % <b>OK</b> [SEP]",
    "the parcel is late and nobody answers " * 40,
)
TOLERANCE = 1e-5  # between two ways to run float32 weights


# Missing, at the mean's side, and where no example of train is.
NUMBERS = (None, 0.0, 1.0, 0.25, 1e9, 30.0, 7.5)


def requests(manifest: ModelManifest) -> list[tuple[Any, ...]]:
    """List the requests to a model, tuples of its one or two text columns and its features."""
    columns = [TEXTS, TEXTS[::-1]][: len(manifest.text_columns)]
    beside = [_cells(spec) for spec in manifest.features.values()]
    return list(zip(*columns, *beside, strict=True))


def _cells(spec: FeatureSpec) -> Sequence[FeatureCell]:
    """List a cell of a column for each request: what train had, and what it had not."""
    if spec.kind == "numeric":
        return NUMBERS
    several = (*spec.levels[: len(TEXTS) - 2], "", "[none of train's]")
    return [several[place % len(several)] for place in range(len(TEXTS))]


def answers(predictions: Predictions) -> dict[str, Any]:
    """Turn predictions into JSON values."""
    tasks = {task: values.tolist() for task, values in predictions.tasks.items()}
    return {"tasks": tasks, "embedding": predictions.embedding.tolist()}


def of_values(values: Mapping[str, Any]) -> Predictions:
    """Read answers back."""
    tasks = {task: np.array(numbers) for task, numbers in values["tasks"].items()}
    return Predictions(tasks, np.array(values["embedding"]))


def largest_difference(expected: Predictions, found: Predictions) -> float:
    """Give by how much an answer to the requests differs at most."""
    pairs = [
        (expected.embedding, found.embedding),
        *((values, found.tasks[task]) for task, values in expected.tasks.items()),
    ]
    return max(float(np.max(np.abs(one - other))) for one, other in pairs)
