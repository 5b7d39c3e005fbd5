"""TensorFlow as a server needs it: with the tokenizer's ops, without any Keras.

`import tensorflow` looks for Keras and, where it is installed, imports it with all that it uses:
scikit-learn, pandas, matplotlib. `import tensorflow_text` imports it too, for layers that nobody
here asks for. A SavedModel needs neither: half of the start and 190 MB are saved.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

_KERAS = ("keras", "tf_keras")
_OPS = ("_fast_wordpiece_tokenizer.so", "_normalize_ops.so")


@contextlib.contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports of these modules fail, as if they were not installed, if they are not there."""
    absent = [name for name in names if name not in sys.modules]
    # None is what the import system takes for "not to be had"; typeshed's has modules alone.
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with _hidden(_KERAS):
    import tensorflow as tf


def register_tokenizer_ops() -> None:
    """Make the ops of `text.tokenizer` known, so that a graph with them can be loaded."""
    package = importlib.util.find_spec("tensorflow_text")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the package tensorflow-text is not installed")
    folder = Path(package.submodule_search_locations[0]) / "python" / "ops"
    for name in _OPS:
        tf.load_op_library(str(folder / name))
