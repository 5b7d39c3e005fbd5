"""tfsocial: society's checkpoints, papers, data and machines, made into a text model.

The names are those of `tfsocial.api`, imported when the first of them is asked for: TensorFlow
takes seconds, and `import tfsocial` none.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfsocial.api import Evaluation as Evaluation
    from tfsocial.api import InputError as InputError
    from tfsocial.api import Inspection as Inspection
    from tfsocial.api import TrainedRun as TrainedRun
    from tfsocial.api import compose as compose
    from tfsocial.api import compress as compress
    from tfsocial.api import evaluate as evaluate
    from tfsocial.api import export as export
    from tfsocial.api import init_config as init_config
    from tfsocial.api import inspect as inspect
    from tfsocial.api import label as label
    from tfsocial.api import load_config as load_config
    from tfsocial.api import load_predictor as load_predictor
    from tfsocial.api import predict as predict
    from tfsocial.api import select as select
    from tfsocial.api import show_augment as show_augment
    from tfsocial.api import tf_serving as tf_serving
    from tfsocial.api import train as train

__version__ = "0.2.0"
__all__ = [
    "Evaluation",
    "InputError",
    "Inspection",
    "TrainedRun",
    "__version__",
    "compose",
    "compress",
    "evaluate",
    "export",
    "init_config",
    "inspect",
    "label",
    "load_config",
    "load_predictor",
    "predict",
    "select",
    "show_augment",
    "tf_serving",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("tfsocial.api"), name)


def __dir__() -> list[str]:
    return __all__
