"""What a provider promises, and what it makes its constant of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Data, Model, Training
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline import batches, tokenized_split
from tfsocial.models import inference
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.objectives.table import Term
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training.run_constants import RunConstants

MOST_NUMBERS = 2**26  # that one constant may hold in memory for train's examples: 256 MB


@dataclass(frozen=True)
class Settings:
    """The sections of the config that providers read."""

    data: Data
    model: Model
    training: Training
    seed: int


@dataclass(frozen=True)
class Context:
    """A run before its first step, while the encoder's weights are still M0's.

    Attributes:
        train: the examples, with their labels and texts.
        encoded: the same as tokens, in the run's vocabulary.
        texts: need -> task -> the further texts its provider asked for, as tokens.
        tokenizer: of M0's whole vocabulary.
        token_ids: int64 [used], the ids in it of the tokens of the run's vocabulary.
        checkpoints: name -> the second checkpoint of that name that terms read.
        mlm_head_is_m0s: whether the text model's masked-LM head has M0's weights.
    """

    terms: Sequence[Term]
    settings: Settings
    text_model: TextModel
    train: Examples
    encoded: tokenized_split.TokenizedSplit
    texts: Mapping[str, Mapping[str, tokenized_split.TokenizedSplit]]
    tokenizer: Tokenizer
    token_ids: np.ndarray
    shape: Shape
    checkpoints: Mapping[str, CommunityCheckpoint]
    mlm_head_is_m0s: bool = False

    @cached_property
    def vectors(self) -> np.ndarray:
        """M0's pooled vector of each of train's examples, float32 [n, hidden]."""
        return inference.embed(
            self.text_model, batches.evaluation_batches(self.encoded, self.shape)
        )

    @property
    def batches(self) -> tf.data.Dataset:
        """Endless batches of train as it is, without augmentation."""
        return batches.training_batches(self.encoded, self.shape, self.settings.seed)


class Provider:
    """Makes one constant of a run. A subclass overrides what it has something to say to.

    Attributes:
        of_train: whether the constant has a row for each of train's examples.
    """

    of_train: ClassVar[bool] = False

    def check(self, terms: Sequence[Term], settings: Settings) -> None:
        """Disagree with the config, before anything is read.

        Args:
            terms: those that need the constant; none where nobody does.

        Raises:
            InputError: other sections lack what the constant takes, or have it for nobody.
        """

    def token_ids(self, tokenizer: Tokenizer) -> Sequence[int]:
        """List ids that the run's vocabulary has to hold even if its texts have none of them."""
        return ()

    def texts(self, specs: Mapping[str, HeadSpec]) -> Mapping[str, Sequence[str]]:
        """Name what is to be read as texts, for each task that has some."""
        return {}

    def build(self, context: Context, constants: RunConstants) -> Any:
        """Make the constant.

        Args:
            constants: what the providers before this one in the table have made.
        """
        raise NotImplementedError(type(self).__name__)
