"""What `import tfsocial` offers: the commands as functions, for notebooks and scripts.

Each takes what its command takes and raises InputError where the command ends with exit code 2.
Files are called as the groups of commands. A file is imported when a name of it is asked for, since
a gateway needs none of what others import; TensorFlow by the first call that needs it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tfsocial.errors import InputError as InputError

if TYPE_CHECKING:
    from tfsocial.api.feed import Inspection as Inspection
    from tfsocial.api.feed import init_config as init_config
    from tfsocial.api.feed import inspect as inspect
    from tfsocial.api.feed import label as label
    from tfsocial.api.feed import select as select
    from tfsocial.api.feed import show_augment as show_augment
    from tfsocial.api.make import TrainedRun as TrainedRun
    from tfsocial.api.make import fit as fit
    from tfsocial.api.make import load_config as load_config
    from tfsocial.api.make import train as train
    from tfsocial.api.make import tune as tune
    from tfsocial.api.shape import MAX_LOSS as MAX_LOSS
    from tfsocial.api.shape import MIN_AGREEMENT as MIN_AGREEMENT
    from tfsocial.api.shape import compose as compose
    from tfsocial.api.shape import compress as compress
    from tfsocial.api.shape import export as export
    from tfsocial.api.use import load_predictor as load_predictor
    from tfsocial.api.use import predict as predict
    from tfsocial.api.use import tf_serving as tf_serving
    from tfsocial.api.weigh import Evaluation as Evaluation
    from tfsocial.api.weigh import evaluate as evaluate

# File -> its names.
WHERE = {
    "feed": ("Inspection", "init_config", "inspect", "label", "select", "show_augment"),
    "make": ("TrainedRun", "fit", "load_config", "train", "tune"),
    "shape": ("MAX_LOSS", "MIN_AGREEMENT", "compose", "compress", "export"),
    "use": ("load_predictor", "predict", "tf_serving"),
    "weigh": ("Evaluation", "evaluate"),
}


def __getattr__(name: str) -> Any:
    for module, names in WHERE.items():
        if name in names:
            return getattr(importlib.import_module(f"tfsocial.api.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(["InputError", *(name for names in WHERE.values() for name in names)])
