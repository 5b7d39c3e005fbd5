"""The model file of a Triton repository: runs in Triton's Python backend, not in this package.

It needs TensorFlow and tensorflow-text in the backend's Python, and numpy below 2: with a later one
the backend of Triton 2.51 ends at the first string.
"""

import json

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  its kernels tokenize
import triton_python_backend_utils as triton


class TritonPythonModel:
    """A SavedModel's `serving_default`, asked once for all requests that are there."""

    def initialize(self, args):
        config = json.loads(args["model_config"])
        folder = config["parameters"]["saved_model"]["string_value"]
        self._module = tf.saved_model.load(folder)  # it owns the variables
        self._signature = self._module.signatures["serving_default"]
        self._inputs = [one["name"] for one in config["input"]]
        self._outputs = [one["name"] for one in config["output"]]
        self._answer({name: np.array([b"warm up"], object) for name in self._inputs})

    def execute(self, requests):
        texts: dict = {name: [] for name in self._inputs}
        counts = []
        for request in requests:
            for name in self._inputs:
                column = triton.get_input_tensor_by_name(request, name).as_numpy()
                texts[name].append(column.reshape(-1))
            counts.append(len(texts[self._inputs[0]][-1]))
        answers = self._answer({name: np.concatenate(parts) for name, parts in texts.items()})
        ends = np.cumsum(counts)
        return [
            triton.InferenceResponse(
                [triton.Tensor(name, answers[name][end - n : end]) for name in self._outputs]
            )
            for n, end in zip(counts, ends, strict=True)
        ]

    def _answer(self, columns):
        values = self._signature(**{name: tf.constant(column) for name, column in columns.items()})
        arrays = {name: values[name].numpy() for name in self._outputs}
        # Triton's tensors of one number a text are [n, 1].
        return {name: a[:, None] if a.ndim == 1 else a for name, a in arrays.items()}
