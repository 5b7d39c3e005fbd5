"""What a SavedModel's inputs and outputs are called, and what it says of itself; no TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.serving.predictor import Predictions

DEFAULT = "serving_default"
COLUMNS = ("text", "text_pair")  # names of its texts
MANIFEST = "manifest.json"  # beside the graph


def columns(manifest: ModelManifest) -> tuple[str, ...]:
    """Name the signature's inputs: the one or two texts, then the features by their names."""
    return (*COLUMNS[: len(manifest.text_columns)], *manifest.features)


def is_number(manifest: ModelManifest, column: str) -> bool:
    """Tell whether an input is float32 [n]; else it is string [n]."""
    return column in manifest.features and manifest.features[column].kind == "numeric"


def prefix(manifest: ModelManifest, task: str) -> str:
    """Name what a task's outputs begin with: nothing where it is the only one."""
    return f"{task}_" if len(manifest.tasks) > 1 else ""


def output_name(manifest: ModelManifest, task: str) -> str:
    """Name the output that holds a task's predictions."""
    kind = manifest.tasks[task].kind
    return prefix(manifest, task) + ("value" if kind == "regress" else "probabilities")


def predictions(manifest: ModelManifest, outputs: Mapping[str, np.ndarray]) -> Predictions:
    """Read the numbers for n texts from a signature's outputs, [n, ...] each."""
    tasks = {task: outputs[output_name(manifest, task)] for task in manifest.tasks}
    wide = {task: v[:, np.newaxis] if v.ndim == 1 else v for task, v in tasks.items()}
    return Predictions(wide, outputs["embedding"])


def read_manifest(folder: Path, features: bool = False) -> ModelManifest:
    """Read the tasks, labels and columns of an exported version.

    Args:
        features: whether who asks can hand in columns beside the text.

    Raises:
        InputError: it was not written by `tfsocial export`, or it reads such columns and nobody
            hands them in.
    """
    manifest = _manifest(folder)
    if not features:
        manifest.check_text_alone(str(folder))
    return manifest


def _manifest(folder: Path) -> ModelManifest:
    try:
        return manifests.of_values(json.loads((folder / MANIFEST).read_text("utf-8"))["model"])
    except InputError as error:
        raise InputError(f"{folder / MANIFEST}: {error}; export the model again") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{folder}: is no model of this version of tfsocial ({MANIFEST} is missing or "
            "broken); export the model again"
        ) from None
