"""What texts looked like when a model was made, so that drift can be seen without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfsocial.metrics import embedding_drift
from tfsocial.metrics.labelled import OutputSpec

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
CONFIDENCE_BINS = 20


def reference(
    lengths: np.ndarray,
    unknown: float,
    embeddings: np.ndarray,
    specs: Mapping[str, OutputSpec],
    predictions: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Summarize n texts that a model did not learn and its answers to them; holds no text.

    Args:
        lengths: int [n], tokens.
        unknown: share of tokens that the vocabulary has no word for.
        embeddings: float [n, hidden].
        predictions: task -> [n, width].

    Returns:
        JSON values: `rows`; `tokens`, quantiles of the lengths (0, 5, 25, 50, 75, 95, 100 %);
        `unknown_tokens`; `embedding_mean` and `embedding_std` [hidden]; `embedding_features`, see
        `tfsocial.metrics.embedding_drift`, where there are rows enough; and under `tasks`, of a
        classification `label_shares` [C] of the likeliest label and `confidence`, counts in 20
        bins of equal width; of a multilabel task `mean_probabilities` [C]; of a regression
        `quantiles` of the values.
    """
    return {
        "rows": len(lengths),
        "tokens": np.quantile(lengths, QUANTILES).tolist(),
        "unknown_tokens": float(unknown),
        "embedding_mean": embeddings.mean(0).tolist(),
        "embedding_std": embeddings.std(0).tolist(),
        "embedding_features": embedding_drift.features(embeddings),
        "tasks": {task: _of_task(spec, predictions[task]) for task, spec in specs.items()},
    }


def _of_task(spec: OutputSpec, predictions: np.ndarray) -> dict[str, Any]:
    if spec.kind == "regress":
        return {"quantiles": np.quantile(predictions[:, 0], QUANTILES).tolist()}
    if spec.kind == "multilabel":
        return {"mean_probabilities": predictions.mean(0).tolist()}
    counts = np.bincount(predictions.argmax(-1), minlength=spec.width)
    histogram, _ = np.histogram(predictions.max(-1), CONFIDENCE_BINS, (0, 1))
    return {"label_shares": (counts / len(predictions)).tolist(), "confidence": histogram.tolist()}
