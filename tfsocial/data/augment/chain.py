"""Ops one after another, each with chance of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from tfsocial.config import Config
from tfsocial.data.augment import table
from tfsocial.data.augment.chance import Chance
from tfsocial.data.augment.contract import Moment, Op, TextOp
from tfsocial.data.augment.lexicon import Lexicon
from tfsocial.data.batch import VIEW, WordParts
from tfsocial.data.sources import Examples

Ragged = tuple[tf.RaggedTensor, tf.RaggedTensor]


@dataclass(frozen=True)
class Chain:
    """What one view of the texts goes through; no ops leave them as they are.

    Attributes:
        branch: another for each view, so that equal ops differ in chance.
        lexicon: where an op needs it.
        word_parts: of the vocabulary in training, where an op works on tokens.
    """

    ops: tuple[Op, ...]
    seed: int
    branch: int = 0
    lexicon: Lexicon | None = None
    word_parts: WordParts | None = None

    @property
    def reads_text(self) -> bool:
        """Whether strings change, so that the tokenizer has to run anew."""
        return any(isinstance(op, TextOp) for op in self.ops)

    @property
    def reads_tokens(self) -> bool:
        return any(not isinstance(op, TextOp) for op in self.ops)

    @property
    def needs_lexicon(self) -> bool:
        return any(op.needs_lexicon for op in self.ops)

    def texts(
        self,
        columns: Sequence[tf.Tensor],
        examples: tf.Tensor,
        epoch: tf.Tensor,
        progress: tf.Tensor,
    ) -> list[tf.Tensor]:
        """String [n] columns after the ops on strings.

        Args:
            examples: int64 [n], their ids.
            progress: the fraction of the run behind us.
        """
        columns = list(columns)
        for op, chance, touched in self._turns(examples, epoch, progress):
            if not isinstance(op, TextOp):
                break
            for number, column in enumerate(columns):
                moment = self._moment(chance.branch(number), progress)
                columns[number] = tf.where(touched, op(column, moment), column)
        return columns

    def tokens(
        self,
        tokens: tf.RaggedTensor,
        types: tf.RaggedTensor,
        examples: tf.Tensor,
        epoch: tf.Tensor,
        progress: tf.Tensor,
    ) -> Ragged:
        """Token ids and type ids, int32 [n, (length)] each, after the ops on tokens."""
        for op, chance, touched in self._turns(examples, epoch, progress):
            if not isinstance(op, TextOp):
                after = op(tokens, types, self._moment(chance, progress))
                before = (tokens, types)
                tokens, types = (_where(touched, *pair) for pair in zip(after, before, strict=True))
        return tokens, types

    def _turns(
        self, examples: tf.Tensor, epoch: tf.Tensor, progress: tf.Tensor
    ) -> Iterator[tuple[Op, Chance, tf.Tensor]]:
        """Each op, its chance, and which examples it touches, bool [n]."""
        every = Chance.of(self.seed, epoch, examples).branch(self.branch)
        for number, op in enumerate(self.ops):
            own = every.branch(number)
            share = self._moment(own, progress).rate(op.probability)
            yield op, own.branch(0), own.branch(1).uniform() < share

    def _moment(self, chance: Chance, progress: tf.Tensor) -> Moment:
        return Moment(chance, progress, self.lexicon, self.word_parts)


def build(config: Config) -> dict[str, Chain]:
    """View -> its ops: "" is the ordinary pass; empty where nothing is augmented.

    Raises:
        ConfigError: see `table.build_all`.
    """
    data = config.data
    entries = {"": ("data.augment", data.augment), VIEW: ("data.view", data.view)}
    if not data.augment and not data.view:
        return {}
    return {
        view: Chain(table.build_all(ops, where, data.root), config.seed, branch)
        for branch, (view, (where, ops)) in enumerate(entries.items())
        if ops or not view
    }


def with_knowledge(
    views: Mapping[str, Chain], train: Examples, word_parts: WordParts
) -> dict[str, Chain]:
    """The chains with what their ops need: of the vocabulary, and the words of train."""
    lexicon = None
    if any(view.needs_lexicon for view in views.values()):
        lexicon = Lexicon.of([train.text] if train.pair is None else [train.text, train.pair])
    return {
        name: replace(view, lexicon=lexicon, word_parts=word_parts) for name, view in views.items()
    }


def _where(chosen: tf.Tensor, there: tf.RaggedTensor, here: tf.RaggedTensor) -> tf.RaggedTensor:
    """Row by row one or the other."""
    place = tf.range(tf.size(chosen)) + tf.where(chosen, tf.size(chosen), 0)
    return tf.gather(tf.concat([here, there], 0), place)
