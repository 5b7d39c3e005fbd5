"""Requests whose answers are known: whoever loads the model can see that it says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.serving.predictor import Predictions, Predictor

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


def requests(manifest: ModelManifest) -> list[tuple[str, ...]]:
    """List the requests to a model, tuples of its one or two text columns."""
    if len(manifest.text_columns) == 1:
        return [(text,) for text in TEXTS]
    return list(zip(TEXTS, reversed(TEXTS), strict=True))


def answers(predictions: Predictions) -> dict[str, Any]:
    """Turn predictions into JSON values."""
    tasks = {task: values.tolist() for task, values in predictions.tasks.items()}
    return {"tasks": tasks, "embedding": predictions.embedding.tolist()}


def largest_difference(predictor: Predictor, expected: Mapping[str, Any]) -> float:
    """Ask the requests, and give by how much an answer differs at most.

    Args:
        expected: of `answers`.
    """
    found = predictor(requests(predictor.manifest))
    pairs: Sequence[tuple[np.ndarray, Any]] = [
        (found.embedding, expected["embedding"]),
        *((found.tasks[task], values) for task, values in expected["tasks"].items()),
    ]
    return max(float(np.max(np.abs(one - np.asarray(other)))) for one, other in pairs)
