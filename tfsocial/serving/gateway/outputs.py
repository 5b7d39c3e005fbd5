"""Every output of a model's signature, from its numbers; numpy alone.

A SavedModel computes them in its graph. Other forms of a model give numbers only, and over KServe's
and TensorFlow Serving's interfaces a model has the same outputs whatever form it has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.serving.predictor import Predictions
from tfsocial.serving.signature import prefix

TOP = 5

Outputs = dict[str, np.ndarray]


def of(manifest: ModelManifest, found: Predictions) -> Outputs:
    """Name the outputs for n texts, [n, ...] each; strings are Python's."""
    outputs: Outputs = {"embedding": found.embedding}
    for task, values in found.tasks.items():
        for name, array in _of_task(manifest, task, values).items():
            outputs[prefix(manifest, task) + name] = array
    return outputs


def shapes(manifest: ModelManifest) -> dict[str, tuple[str, list[int]]]:
    """Name the outputs with their types of KServe's V2 protocol and shapes, -1 for the texts."""
    none = Predictions(
        {task: np.zeros([0, spec.width], np.float32) for task, spec in manifest.tasks.items()},
        np.zeros([0, 0], np.float32),
    )
    found = of(manifest, none)
    return {
        name: ("BYTES" if array.dtype == object else "FP32", [-1, *array.shape[1:]])
        for name, array in found.items()
    } | {"embedding": ("FP32", [-1, -1])}


def _of_task(manifest: ModelManifest, task: str, values: np.ndarray) -> Outputs:
    spec = manifest.tasks[task]
    if spec.kind == "regress":
        return {"value": values[:, 0]}
    names = np.array(spec.labels, object)
    order = np.argsort(-values, axis=1, kind="stable")[:, : min(TOP, len(names))]
    found = {
        "probabilities": values,
        "top_labels": names[order],
        "top_probabilities": np.take_along_axis(values, order, 1),
    }
    if spec.kind == "classify":
        best = values.max(1, initial=0.0)
        outside = values[:, -1] if spec.scope else (1 - best).astype(np.float32)
        return {**found, "label": names[order[:, 0]], "out_of_distribution": outside}
    reached = values >= manifest.decision_thresholds(task)
    return {**found, "label": _joined(names, reached, spec.separator)}


def _joined(names: np.ndarray, reached: np.ndarray, separator: str) -> np.ndarray:
    return np.array([separator.join(names[row]) for row in reached], object).reshape(len(reached))


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Put the numbers of several lists of texts one after the other."""
    if len(parts) == 1:
        return parts[0]
    tasks = {task: np.concatenate([part.tasks[task] for part in parts]) for task in parts[0].tasks}
    return Predictions(tasks, np.concatenate([part.embedding for part in parts]))


def cut_to(found: Predictions, most: int) -> Predictions:
    """Give the numbers of the first texts."""
    tasks = {task: values[:most] for task, values in found.tasks.items()}
    return Predictions(tasks, found.embedding[:most])


def cut(found: Predictions, sizes: Sequence[int]) -> list[Predictions]:
    """Undo `joined`."""
    ends = np.cumsum(sizes)
    return [
        Predictions(
            {task: values[end - size : end] for task, values in found.tasks.items()},
            found.embedding[end - size : end],
        )
        for size, end in zip(sizes, ends, strict=True)
    ]
