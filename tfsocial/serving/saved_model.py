"""Answers from an exported SavedModel; reaches neither the trainer nor transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.serving.predictor import Predictions, Predictor
from tfsocial.serving.runtime import register_tokenizer_ops, tf

MANIFEST = "manifest.json"  # what it says of itself beside the graph
COLUMNS = ("text", "text_pair")  # names of the signature's inputs


class SavedModelPredictor(Predictor):
    """An exported SavedModel, through its signature alone."""

    def __init__(self, folder: Path):
        """Load a SavedModel.

        Raises:
            InputError: it was not written by `tfsocial export`.
        """
        self.manifest = read_manifest(folder)
        register_tokenizer_ops()
        self._module = tf.saved_model.load(str(folder))
        self._signature = self._module.signatures["serving_default"]

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        columns = zip(COLUMNS, zip(*texts, strict=True), strict=False)
        answers = self._signature(
            **{name: tf.constant(column, tf.string) for name, column in columns}
        )
        tasks = {task: self._values(answers, task).numpy() for task in self.manifest.tasks}
        return Predictions(tasks, answers["embedding"].numpy())

    def _values(self, answers: dict[str, tf.Tensor], task: str) -> tf.Tensor:
        beginning = prefix(self.manifest, task)
        if self.manifest.tasks[task].kind == "regress":
            return answers[f"{beginning}value"][:, tf.newaxis]
        return answers[f"{beginning}probabilities"]


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
