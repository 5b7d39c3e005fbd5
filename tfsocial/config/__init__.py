"""Every knob of a run, once: a file a section; YAML in, `--set a.b=c`, JSON schema out.

A config says only what differs from the defaults in the sections. Mistakes are answered in one
sentence that names the key path, what was found and what is allowed.
"""

from tfsocial.config.augmentation import AugmentOp as AugmentOp
from tfsocial.config.back_translation import BackTranslation as BackTranslation
from tfsocial.config.back_translation import HttpTranslator as HttpTranslator
from tfsocial.config.back_translation import MarianTranslator as MarianTranslator
from tfsocial.config.back_translation import PairsTranslator as PairsTranslator
from tfsocial.config.back_translation import Sampling as Sampling
from tfsocial.config.base import Section as Section
from tfsocial.config.base import holds_numbers as holds_numbers
from tfsocial.config.checkpoints import Checkpoint as Checkpoint
from tfsocial.config.data import Data as Data
from tfsocial.config.data import MixtureSource as MixtureSource
from tfsocial.config.data import Source as Source
from tfsocial.config.data import Splits as Splits
from tfsocial.config.features import Feature as Feature
from tfsocial.config.knobs import check_names as check_names
from tfsocial.config.knobs import with_knobs as with_knobs
from tfsocial.config.loading import load as load
from tfsocial.config.loading import merged as merged
from tfsocial.config.loading import override as override
from tfsocial.config.loading import parse as parse
from tfsocial.config.model import Model as Model
from tfsocial.config.model import RandomEncoder as RandomEncoder
from tfsocial.config.objectives import CommunityObjective as CommunityObjective
from tfsocial.config.objectives import Objective as Objective
from tfsocial.config.objectives import Objectives as Objectives
from tfsocial.config.optimizer import AnyOptimizer as AnyOptimizer
from tfsocial.config.optimizer import Optimizer as Optimizer
from tfsocial.config.report import Report as Report
from tfsocial.config.run import Config as Config
from tfsocial.config.schema import json_schema as json_schema
from tfsocial.config.tasks import Task as Task
from tfsocial.config.tasks import TaskLoss as TaskLoss
from tfsocial.config.tasks import unjoinable as unjoinable
from tfsocial.config.tracking import Tracking as Tracking
from tfsocial.config.training import LossSpike as LossSpike
from tfsocial.config.training import Training as Training
from tfsocial.config.weights import Alpha as Alpha
from tfsocial.config.weights import DriftConstraint as DriftConstraint
from tfsocial.config.weights import Schedule as Schedule
from tfsocial.config.weights import Weight as Weight
