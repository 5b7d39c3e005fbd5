"""Ops one after another, each with random numbers of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from tfsocial.config import Data
from tfsocial.data.augment import table
from tfsocial.data.augment.contract import AugmentContext, Op, TextOp, TokenOp
from tfsocial.data.augment.lexicon import Lexicon
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.augment.random_stream import RandomStream
from tfsocial.data.examples import Examples
from tfsocial.errors import InputError
from tfsocial.text.batch import VIEW, WordParts

Ragged = tuple[tf.RaggedTensor, tf.RaggedTensor]


@dataclass(frozen=True)
class Chain:
    """What one view of the texts goes through; no ops leave them as they are.

    Attributes:
        branch: another for each view, so that equal ops draw other numbers.
        lexicon: where an op needs it.
        word_parts: of the vocabulary in training, where an op works on tokens.
        paraphrases: where an op mixes them in.
    """

    ops: tuple[Op, ...]
    seed: int
    branch: int = 0
    lexicon: Lexicon | None = None
    word_parts: WordParts | None = None
    paraphrases: Paraphrases | None = None

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

    @property
    def needs_paraphrases(self) -> bool:
        return any(op.needs_paraphrases for op in self.ops)

    def texts(
        self,
        columns: Sequence[tf.Tensor],
        examples: tf.Tensor,
        epoch: tf.Tensor,
        progress: tf.Tensor,
    ) -> list[tf.Tensor]:
        """Apply the ops on strings to string [n] columns.

        Args:
            examples: int64 [n], their ids.
            progress: the fraction of the run behind us.
        """
        columns = list(columns)
        for op, stream, touched in self._turns(examples, epoch, progress):
            if not isinstance(op, TextOp):
                break
            for number, column in enumerate(columns):
                context = self._context(stream.branch(number), progress)
                columns[number] = tf.where(touched, op(column, context), column)
        return columns

    def tokens(
        self,
        tokens: tf.RaggedTensor,
        types: tf.RaggedTensor,
        examples: tf.Tensor,
        epoch: tf.Tensor,
        progress: tf.Tensor,
    ) -> Ragged:
        """Apply the ops on tokens to token ids and type ids, int32 [n, (length)] each."""
        for op, stream, touched in self._turns(examples, epoch, progress):
            if isinstance(op, TokenOp):
                after = op(tokens, types, self._context(stream, progress))
                before = (tokens, types)
                tokens, types = (_where(touched, *pair) for pair in zip(after, before, strict=True))
        return tokens, types

    def _turns(
        self, examples: tf.Tensor, epoch: tf.Tensor, progress: tf.Tensor
    ) -> Iterator[tuple[Op, RandomStream, tf.Tensor]]:
        """Yield each op, its random stream, and which examples it touches, bool [n]."""
        every = RandomStream.of(self.seed, epoch, examples).branch(self.branch)
        for number, op in enumerate(self.ops):
            stream = every.branch(number)
            share = self._context(stream, progress).rate(op.probability)
            yield op, stream.branch(0), stream.branch(1).uniform() < share

    def _context(self, stream: RandomStream, progress: tf.Tensor) -> AugmentContext:
        return AugmentContext(stream, progress, self.lexicon, self.word_parts, self.paraphrases)


def build(data: Data, seed: int) -> dict[str, Chain]:
    """Build view -> its ops: "" is the ordinary pass; empty where nothing is augmented.

    Raises:
        InputError: see `table.build_all`; or paraphrases are mixed in and no translator is
            named, or the other way round.
    """
    entries = {"": ("data.augment", data.augment), VIEW: ("data.second_view", data.second_view)}
    chains = {
        view: Chain(table.build_all(ops, where, data.root), seed, branch)
        for branch, (view, (where, ops)) in enumerate(entries.items())
        if ops or not view
    }
    _check_translator(data, needs_paraphrases(chains))
    return chains if data.augment or data.second_view else {}


def needs_paraphrases(views: Mapping[str, Chain]) -> bool:
    """Tell whether an op of any view mixes paraphrases in."""
    return any(view.needs_paraphrases for view in views.values())


def _check_translator(data: Data, needed: bool) -> None:
    named = data.back_translation is not None
    if needed and not named:
        raise InputError(
            "the op back_translation needs data.back_translation, which says where its "
            "paraphrases come from"
        )
    if named and not needed:
        raise InputError(
            "data.back_translation is set, but no op mixes its paraphrases in; add "
            "{back_translation: {probability: 0.3}} at the front of data.augment or "
            "data.second_view"
        )


def with_knowledge(
    views: Mapping[str, Chain],
    train: Examples,
    word_parts: WordParts,
    paraphrases: Paraphrases | None = None,
) -> dict[str, Chain]:
    """Give the chains what their ops need: of the vocabulary, and the words of train."""
    lexicon = None
    if any(view.needs_lexicon for view in views.values()):
        lexicon = Lexicon.of([train.text] if train.pair is None else [train.text, train.pair])
    return {
        name: replace(view, lexicon=lexicon, word_parts=word_parts, paraphrases=paraphrases)
        for name, view in views.items()
    }


def _where(touched: tf.Tensor, there: tf.RaggedTensor, here: tf.RaggedTensor) -> tf.RaggedTensor:
    """Choose row by row one or the other."""
    place = tf.range(tf.size(touched)) + tf.where(touched, tf.size(touched), 0)
    return tf.gather(tf.concat([here, there], 0), place)
