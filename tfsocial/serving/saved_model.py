"""Answers from an exported SavedModel; reaches neither the trainer nor transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tfsocial.serving import inputs, signature
from tfsocial.serving.predictor import Predictions, Predictor
from tfsocial.serving.runtime import register_tokenizer_ops, tf


class SavedModelPredictor(Predictor):
    """An exported SavedModel, through its signature alone."""

    def __init__(self, folder: Path):
        """Load a SavedModel.

        Raises:
            InputError: it was not written by `tfsocial export`.
        """
        self.manifest = signature.read_manifest(folder, features=True)
        register_tokenizer_ops()
        self._module = tf.saved_model.load(str(folder))
        self._signature = self._module.signatures[signature.DEFAULT]

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        columns = inputs.by_name(self.manifest, self.columns, texts)
        return signature.predictions(self.manifest, self.outputs(columns))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the signature's inputs."""
        return signature.columns(self.manifest)

    def outputs(self, columns: Mapping[str, Sequence[str] | np.ndarray]) -> dict[str, np.ndarray]:
        """Compute all outputs of the signature, [n, ...], for n values of each input."""
        tensors = {
            name: tf.constant(
                column, tf.float32 if signature.is_number(self.manifest, name) else tf.string
            )
            for name, column in columns.items()
        }
        return {name: values.numpy() for name, values in self._signature(**tensors).items()}
