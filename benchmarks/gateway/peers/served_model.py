"""The exported SavedModel as the peers call it: TensorFlow alone, nothing of tfsocial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ServedModel:
    """A loaded SavedModel, warm.

    Args:
        folder: of the version.
    """

    def __init__(self, folder: str):
        import tensorflow as tf
        import tensorflow_text  # noqa: F401  its kernels tokenize

        self._tf = tf
        self._module = tf.saved_model.load(folder)  # it owns the variables
        self._signature = self._module.signatures["serving_default"]
        (self._input,) = self._signature.structured_input_signature[1]
        self(["warm up"])

    def __call__(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Label n texts, likeliest labels first."""
        values = self._signature(**{self._input: self._tf.constant(texts)})
        labels, numbers = (values[f"top_{name}"].numpy() for name in ("labels", "probabilities"))
        return [_answer(*row) for row in zip(labels, numbers, strict=True)]


def _answer(labels: Any, numbers: Any) -> dict[str, Any]:
    names = [label.decode() for label in labels]
    return {
        "label": names[0],
        "probabilities": dict(zip(names, numbers.tolist(), strict=True)),
    }
