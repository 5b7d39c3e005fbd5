"""Answers from an exported SavedModel; reaches neither the trainer nor transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfsocial.serving.predictor import Predictions, Predictor
from tfsocial.serving.runtime import register_tokenizer_ops, tf
from tfsocial.serving.signature import COLUMNS, DEFAULT, prefix, read_manifest


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
        self._signature = self._module.signatures[DEFAULT]

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
