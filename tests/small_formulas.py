"""Formulas of small social models."""

from __future__ import annotations

import numpy as np

TWO_TASKS = {"topic": {"weight": 2.0}, "score": {"kind": "regress", "weight": 0.5}}


DISTANCES = {"feature_cosine": {"weight": 3.0}, "l2_sp": {"weight": 0.01}}


def fit(model, dataset, steps: int, **options) -> dict[str, list[float]]:
    """The curves of single steps: each epoch is one step."""
    history = model.fit(dataset, steps_per_epoch=1, epochs=steps, verbose=0, **options)
    return history.history


def weights_of(model) -> dict[str, np.ndarray]:
    return {variable.name: variable.numpy() for variable in model.text_model.variables}
