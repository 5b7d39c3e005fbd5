"""What every op promises, and what it gets.

An op is a frozen dataclass whose fields are its knobs, and printed it is its config. It works on
n examples at once, and what it makes of one does not depend on the others. Ops on strings come
before the tokenizer, ops on tokens after it.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import tensorflow as tf
import yaml
from pydantic import AfterValidator

from tfsocial import schedules
from tfsocial.config import Schedule, Weight
from tfsocial.data.augment.lexicon import Lexicon
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.augment.random_stream import RandomStream
from tfsocial.text.batch import WordParts


def _at_most_one(rate: float | Schedule) -> float | Schedule:
    highest = max(rate.start, rate.end) if isinstance(rate, Schedule) else rate
    if highest > 1:
        raise ValueError("Input should be less than or equal to 1")
    return rate


Rate = Annotated[Weight, AfterValidator(_at_most_one)]
"""A share between 0 and 1, or a schedule of it over the run."""


Resource = TypeVar("Resource")


def declared(resource: Resource | None) -> Resource:
    """Give a part of the context that an op needs: one that is None was not made for any op.

    Raises:
        LookupError: the op does not declare that it reads it.
    """
    if resource is None:
        raise LookupError("an op reads what it does not declare that it needs")
    return resource


@dataclass(frozen=True)
class AugmentContext:
    """Holds what an op sees beside its texts; it reads what may be None through `declared`.

    Attributes:
        stream: random numbers of each example, for this op alone.
        progress: the fraction of the run behind us, float32 scalar.
        lexicon: the words of train; for an op that `needs_lexicon`.
        paraphrases: of the texts of train; for an op that `needs_paraphrases`.
        word_parts: what is special and what continues a word; for ops on tokens.
    """

    stream: RandomStream
    progress: tf.Tensor
    lexicon: Lexicon | None = None
    word_parts: WordParts | None = None
    paraphrases: Paraphrases | None = None

    def rate(self, rate: float | Schedule) -> tf.Tensor:
        """Compute a rate at this point of the run, float32 scalar."""
        return schedules.value_at(rate, self.progress)


@dataclass(frozen=True, repr=False)
class Op:
    """What all ops have: their name, how many of the examples they touch, their printed form."""

    probability: Rate = dataclasses.field(default=1.0, kw_only=True)

    @property
    def needs_lexicon(self) -> bool:
        """Whether it reads the words of train."""
        return False

    @property
    def needs_paraphrases(self) -> bool:
        """Whether it looks up texts as they were read, so that no op may come before it."""
        return False

    @property
    def name(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    @property
    def config(self) -> dict[str, dict[str, Any]]:
        """What `data.augment` would hold of it."""
        return {self.name: {knob: _plain(value) for knob, value in self._knobs()}}

    def __repr__(self) -> str:
        text = yaml.safe_dump(self.config, default_flow_style=True, sort_keys=False, width=10**6)
        return text.strip().removeprefix("{").removesuffix("}")

    def _knobs(self) -> list[tuple[str, Any]]:
        """List each knob and its value; what all ops have comes last."""
        common, *particular = [
            (field.name, getattr(self, field.name)) for field in dataclasses.fields(self)
        ]
        return [*particular, common]


@dataclass(frozen=True, repr=False)
class TextOp(Op):
    """An op on strings. Valid UTF-8 stays valid; a text it does not touch stays as it is."""

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        """Augment strings [n]."""
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class TokenOp(Op):
    """An op on tokens between special tokens, which it never touches. A text grows no longer."""

    def __call__(
        self, tokens: tf.RaggedTensor, types: tf.RaggedTensor, context: AugmentContext
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Augment token ids and type ids, int32 [n, (length)] each."""
        raise NotImplementedError


def _plain(value: Any) -> Any:
    if isinstance(value, Schedule):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value
