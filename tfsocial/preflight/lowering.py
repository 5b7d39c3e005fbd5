"""The project's own train step as StableHLO, and the way back from its operations to the source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import tensorflow as tf

from tfsocial.preflight.compiler import NotCompiled
from tfsocial.training.social_model import SocialModel

# Frames of these say how an operation is made, not who wants it.
FRAMEWORK = ("tensorflow", "tf_keras")


class Lowering:
    """A train step traced once for each number of rows.

    Args:
        spec: of a batch; its first dimension is the rows.
    """

    def __init__(self, model: SocialModel, spec: Mapping[str, tf.TensorSpec]):
        self.spec, self.parts = dict(spec), model.parts
        self.step = tf.function(model.train_step, jit_compile=True)

    def module(self, rows: int) -> str:
        """Lower the step on a batch of so many rows to StableHLO text.

        Raises:
            NotCompiled: the step holds an operation that XLA has not.
        """
        batch = self._batch(rows)
        self.step.get_concrete_function(batch)  # what goes wrong in tracing is a fault of ours
        try:
            return self.step.experimental_get_compiler_ir(batch)(stage="stablehlo")
        except (tf.errors.OpError, ValueError) as error:
            names = re.findall(r"{{node ([^}]+)}}", str(error))
            raise NotCompiled(str(error), tuple(names)) from error

    def place(self, names: Iterable[str]) -> str | None:
        """Name operation and source line of the first name that is an operation's."""
        graph = self.step.get_concrete_function(self._batch(self.parts)).graph
        operations = {operation.name: operation for operation in graph.get_operations()}
        operation = next((operations[name] for name in names if name in operations), None)
        return operation and f"{operation.type} {operation.name}, {_line(operation)}"

    def _batch(self, rows: int) -> dict[str, tf.Tensor]:
        return {
            key: tf.zeros([rows, *spec.shape[1:]], spec.dtype) for key, spec in self.spec.items()
        }


def _line(operation: tf.Operation) -> str:
    """Name file and line of the innermost frame that is not TensorFlow's or Keras's."""
    frames = [
        frame
        for frame in operation.traceback
        if not set(FRAMEWORK) & set(Path(frame.filename).parts)
    ]
    innermost = (frames or list(operation.traceback))[-1]
    return f"{innermost.filename}:{innermost.lineno}"
