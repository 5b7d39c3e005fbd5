"""Words that vanish, change places, come in, or give way. In Chinese each character is one.

Wei & Zou (2019), EDA: Easy Data Augmentation, arXiv:1901.11196.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import tensorflow as tf

from tfsocial.data.augment import neighbours, pieces, random_stream
from tfsocial.data.augment.contract import AugmentContext, Rate, TextOp, declared
from tfsocial.data.augment.pieces import Pieces
from tfsocial.text.tokenizer import IDEOGRAPHS

Choice = Literal["uniform", "tf_idf"]
MARKS = (".", ";", "?", ":", "!", ",")


@dataclass(frozen=True, repr=False)
class WordDrop(TextOp):
    """Each word vanishes with this probability, but never a text's last one.

    EDA's random deletion; with `choose: tf_idf` words that tell much vanish less (UDA,
    arXiv:1904.12848, appendix).
    """

    rate: Rate = 0.1
    choose: Choice = "uniform"

    @property
    def needs_lexicon(self) -> bool:
        return self.choose == "tf_idf"

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        words = pieces.cut(texts)
        u = context.stream.at(words.row, words.place)
        highest = tf.math.unsorted_segment_max(u, words.row, words.rows)
        gone = u < probability(self.rate, self.choose, words, context)
        gone &= u < tf.gather(highest, words.row)
        closed = tf.strings.regex_replace(words.after, r"^\s+", "")
        left = replace(words, after=tf.where(gone, closed, words.after)).with_units(gone, "")
        return pieces.where_any(gone, left, texts)


@dataclass(frozen=True, repr=False)
class WordSwap(TextOp):
    """Each word changes places with the next one with this probability, at most once.

    EDA's random swap, kept to neighbours.
    """

    rate: Rate = 0.1

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        words = pieces.cut(texts)
        selected = context.stream.at(words.row, words.place) < context.rate(self.rate)
        last = words.place + 1 == tf.gather(words.counts, words.row)
        swaps = neighbours.every_other(selected & ~last)
        moved = tf.gather(words.units, neighbours.exchanged(swaps))
        return pieces.where_any(swaps, replace(words, units=moved), texts)


@dataclass(frozen=True, repr=False)
class WordInsert(TextOp):
    """After each word, with this probability, comes another.

    source: text, a word of the same text once more; corpus, one of train that says little (as
    `word_replace` draws them); marks, a punctuation mark (AEDA: Karimi, Rossi & Prati 2021,
    arXiv:2108.13230).
    """

    rate: Rate = 0.1
    source: Literal["text", "corpus", "marks"] = "text"

    @property
    def needs_lexicon(self) -> bool:
        return self.source == "corpus"

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        words = pieces.cut(texts)
        selected = context.stream.branch(0).at(words.row, words.place) < context.rate(self.rate)
        more = self._more(words, context, context.stream.branch(1).at(words.row, words.place))
        longer = words.with_units(selected, words.units + _space(words.units, more) + more)
        return pieces.where_any(selected, longer, texts)

    def _more(self, words: Pieces, context: AugmentContext, u: tf.Tensor) -> tf.Tensor:
        if self.source == "marks":
            return tf.gather(tf.constant(MARKS), random_stream.index(u, len(MARKS)))
        if self.source == "corpus":
            return declared(context.lexicon).draw(u)
        offset = random_stream.index(u, tf.gather(words.counts, words.row))
        first = tf.range(tf.size(words.place, tf.int64)) - words.place
        return tf.gather(words.units, first + offset)


@dataclass(frozen=True, repr=False)
class WordReplace(TextOp):
    """Each word gives way, with this probability, to a word of train that says little.

    Xie et al. (2020), Unsupervised Data Augmentation, arXiv:1904.12848, section 2.3 and the
    appendix on TF-IDF: with `choose: tf_idf` words that tell much are kept.
    """

    rate: Rate = 0.1
    choose: Choice = "tf_idf"

    @property
    def needs_lexicon(self) -> bool:
        return True

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        words = pieces.cut(texts)
        u, other = (context.stream.branch(i).at(words.row, words.place) for i in range(2))
        selected = u < probability(self.rate, self.choose, words, context)
        return pieces.where_any(
            selected, words.with_units(selected, declared(context.lexicon).draw(other)), texts
        )


def probability(rate: Rate, choose: Choice, words: Pieces, context: AugmentContext) -> tf.Tensor:
    """Give the probability of touching a word: float32 scalar, or [m] by what the word tells."""
    even = context.rate(rate)
    return even if choose == "uniform" else declared(context.lexicon).tf_idf_rates(even, words)


def _space(before: tf.Tensor, after: tf.Tensor) -> tf.Tensor:
    """Give a space between two words, none where both are ideographs, string [m]."""
    both = tf.strings.regex_full_match(before + after, f"[{IDEOGRAPHS}]+")
    return tf.where(both, "", " ")
