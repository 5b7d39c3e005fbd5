"""What `import tfsocial` offers: the commands as functions, for notebooks and scripts.

Each takes what its command takes and raises InputError where the command ends with exit code 2.
TensorFlow is imported by the first call that needs it. Files are called as the groups of commands.
"""

from __future__ import annotations

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
from tfsocial.errors import InputError as InputError
