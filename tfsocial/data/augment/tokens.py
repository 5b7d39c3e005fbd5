"""Words of token ids that are hidden, vanish or change places; special tokens stay.

A word goes as a whole, all its ## pieces together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import tensorflow as tf
from pydantic import Field

from tfsocial.data.augment import neighbours
from tfsocial.data.augment.contract import AugmentContext, Rate, TokenOp, declared
from tfsocial.text.batch import WordParts

Ragged = tuple[tf.RaggedTensor, tf.RaggedTensor]


class TokenWords(NamedTuple):
    """The words of n texts, flat; a special token is one too.

    Attributes:
        rows: n, int64.
        first: int64 [m], where among all tokens each begins.
        length: int64 [m], how many tokens it has.
        row: int64 [m], ascending: the text of each.
        place: int64 [m], its number among the text's words that are not special; of a special
            token, that of the word that follows.
        in_text: bool [m], whether it is a word of the text.
        counts: int64 [n], words of each text that are not special.
        of_token: int64 [tokens], the word of each token.
    """

    rows: tf.Tensor
    first: tf.Tensor
    length: tf.Tensor
    row: tf.Tensor
    place: tf.Tensor
    in_text: tf.Tensor
    counts: tf.Tensor
    of_token: tf.Tensor


@dataclass(frozen=True, repr=False)
class TokenMask(TokenOp):
    """Each word becomes [MASK]s with this probability.

    Devlin et al. (2019), BERT, arXiv:1810.04805, section 3.1, of whole words.
    """

    rate: Rate = 0.1

    def __call__(
        self, tokens: tf.RaggedTensor, types: tf.RaggedTensor, context: AugmentContext
    ) -> Ragged:
        words = words_of(tokens, declared(context.word_parts))
        u = context.stream.at(words.row, words.place)
        return _masked(tokens, words, u < context.rate(self.rate), context), types


@dataclass(frozen=True, repr=False)
class TokenSpan(TokenOp):
    """Runs of `length` words become [MASK]s; of all words this share.

    A run begins at each place, also before the first word, with probability
    1 - (1 - rate)^(1 / length), so that a word lies in none with probability 1 - rate.
    Joshi et al. (2020), SpanBERT, arXiv:1907.10529, section 3.1, where lengths are drawn.
    """

    rate: Rate = 0.15
    length: Annotated[int, Field(ge=1, le=10)] = 3

    def __call__(
        self, tokens: tf.RaggedTensor, types: tf.RaggedTensor, context: AugmentContext
    ) -> Ragged:
        words = words_of(tokens, declared(context.word_parts))
        begins = 1 - (1 - context.rate(self.rate)) ** (1 / self.length)
        covered = tf.zeros_like(words.in_text)
        for back in range(self.length):
            begun_at = words.place - back + self.length  # not below 1
            covered |= context.stream.at(words.row, begun_at) < begins
        return _masked(tokens, words, covered, context), types


@dataclass(frozen=True, repr=False)
class TokenDrop(TokenOp):
    """Each word vanishes with this probability, but never a text's last one."""

    rate: Rate = 0.1

    def __call__(
        self, tokens: tf.RaggedTensor, types: tf.RaggedTensor, context: AugmentContext
    ) -> Ragged:
        words = words_of(tokens, declared(context.word_parts))
        u = tf.where(words.in_text, context.stream.at(words.row, words.place), -1.0)
        highest = tf.gather(tf.math.unsorted_segment_max(u, words.row, words.rows), words.row)
        gone = (u < context.rate(self.rate)) & (u < highest) & words.in_text
        return _without(tokens, types, words, gone)


@dataclass(frozen=True, repr=False)
class TokenSwap(TokenOp):
    """Each word changes places with the next one with this probability, at most once."""

    rate: Rate = 0.1

    def __call__(
        self, tokens: tf.RaggedTensor, types: tf.RaggedTensor, context: AugmentContext
    ) -> Ragged:
        words = words_of(tokens, declared(context.word_parts))
        selected = context.stream.at(words.row, words.place) < context.rate(self.rate)
        next_in_text = tf.concat([words.in_text, [False]], 0)[1:]
        # Between two texts stand special tokens, so neighbours in the text are in one.
        swaps = neighbours.every_other(selected & words.in_text & next_in_text)
        order = neighbours.exchanged(swaps)
        begin, length = tf.gather(words.first, order), tf.gather(words.length, order)
        source = tf.ragged.range(begin, begin + length).flat_values
        return tokens.with_flat_values(tf.gather(tokens.flat_values, source)), types


@dataclass(frozen=True, repr=False)
class Cutoff(TokenOp):
    """This share of a text's words is cut off: one run of them, or here and there.

    The number of words is rate * words, its fraction rounded up with that probability; one word
    remains. Shen et al. (2020), A Simple but Tough-to-Beat Data Augmentation Approach for
    Natural Language Understanding and Generation, arXiv:2009.13818, section 3: span and token
    cutoff. There the words' vectors become 0; here the words are taken out.
    """

    rate: Rate = 0.1
    kind: Literal["span", "token"] = "span"

    def __call__(
        self, tokens: tf.RaggedTensor, types: tf.RaggedTensor, context: AugmentContext
    ) -> Ragged:
        words = words_of(tokens, declared(context.word_parts))
        size = _rounded(words.counts, context.rate(self.rate), context.stream.branch(0).uniform())
        size = tf.gather(tf.minimum(size, tf.maximum(words.counts - 1, 0)), words.row)
        gone = (
            self._in_span(words, size, context)
            if self.kind == "span"
            else _unluckiest(words, size, context.stream.branch(1).at(words.row, words.place))
        )
        return _without(tokens, types, words, gone & words.in_text)

    def _in_span(self, words: TokenWords, size: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        room = tf.cast(tf.gather(words.counts, words.row) - size + 1, tf.float32)
        u = tf.gather(context.stream.branch(1).uniform(), words.row)
        begin = tf.cast(u * room, tf.int64)
        return (words.place >= begin) & (words.place < begin + size)


def words_of(tokens: tf.RaggedTensor, parts: WordParts) -> TokenWords:
    """Find the words of token ids, int32 [n, (length)]."""
    ids, row = tokens.flat_values, tokens.value_rowids()
    special = tf.gather(tf.constant(parts.special), ids)
    after_special = tf.concat([[True], special[:-1]], 0)[: tf.size(ids)]
    begins = special | after_special | ~tf.gather(tf.constant(parts.continues), ids)
    begins |= tf.ragged.range(tokens.row_lengths()).flat_values == 0
    first = tf.where(begins)[:, 0]
    end = tf.concat([first, [tf.size(ids, tf.int64)]], 0)[1:]
    in_text, row = ~tf.gather(special, first), tf.gather(row, first)
    counts = tf.math.unsorted_segment_sum(tf.cast(in_text, tf.int64), row, tokens.nrows())
    before = tf.cumsum(tf.cast(in_text, tf.int64), exclusive=True)
    place = before - tf.gather(tf.cumsum(counts, exclusive=True), row)
    of_token = tf.cumsum(tf.cast(begins, tf.int64)) - 1
    return TokenWords(tokens.nrows(), first, end - first, row, place, in_text, counts, of_token)


def _masked(
    tokens: tf.RaggedTensor, words: TokenWords, selected: tf.Tensor, context: AugmentContext
) -> tf.RaggedTensor:
    hidden = tf.gather(selected & words.in_text, words.of_token)
    mask = tf.constant(declared(context.word_parts).mask, tf.int32)
    return tokens.with_flat_values(tf.where(hidden, mask, tokens.flat_values))


def _without(
    tokens: tf.RaggedTensor, types: tf.RaggedTensor, words: TokenWords, gone: tf.Tensor
) -> Ragged:
    remaining = tokens.with_flat_values(~tf.gather(gone, words.of_token))
    return tf.ragged.boolean_mask(tokens, remaining), tf.ragged.boolean_mask(types, remaining)


def _rounded(counts: tf.Tensor, rate: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Round rate * counts, int64 [n], up as often as its fraction says."""
    return tf.cast(tf.floor(tf.cast(counts, tf.float32) * rate + u), tf.int64)


def _unluckiest(words: TokenWords, size: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Mark of each text's words the `size` with the lowest numbers, bool [m]."""
    u = tf.where(words.in_text, u, 2.0)  # special tokens come last
    order = tf.argsort(tf.cast(words.row, tf.float64) * 4 + tf.cast(u, tf.float64), stable=True)
    every = tf.math.unsorted_segment_sum(tf.ones_like(words.row), words.row, words.rows)
    before = tf.cast(tf.gather(tf.cumsum(every, exclusive=True), words.row), tf.int32)
    rank = tf.math.invert_permutation(order) - before
    return tf.cast(rank, tf.int64) < size
