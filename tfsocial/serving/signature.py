"""What a SavedModel's inputs and outputs are called, and what it says of itself; no TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError

DEFAULT = "serving_default"
COLUMNS = ("text", "text_pair")  # names of its inputs
MANIFEST = "manifest.json"  # beside the graph


def prefix(manifest: ModelManifest, task: str) -> str:
    """Name what a task's outputs begin with: nothing where it is the only one."""
    return f"{task}_" if len(manifest.tasks) > 1 else ""


def read_manifest(folder: Path) -> ModelManifest:
    """Read the tasks, labels and text columns of a SavedModel.

    Raises:
        InputError: the SavedModel was not written by `tfsocial export`.
    """
    try:
        return manifests.of_values(json.loads((folder / MANIFEST).read_text("utf-8"))["model"])
    except InputError as error:
        raise InputError(f"{folder / MANIFEST}: {error}; export the model again") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{folder}: is not a SavedModel of this version of tfsocial ({MANIFEST} is missing or "
            "broken); export the model again"
        ) from None
