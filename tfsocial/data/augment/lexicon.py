"""The words of train: how rare each is, and which of them may stand in for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from tfsocial.data.augment import pieces
from tfsocial.data.augment.pieces import Pieces

_AT_ONCE = 4096  # texts cut in one call


@dataclass(frozen=True)
class WordList:
    """Words, lower case, and where each stands; looked up in the graph by their hashes."""

    words: tuple[str, ...]

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        with tf.init_scope():
            hashes = _hash(tf.constant(self.words, tf.string)).numpy()
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order.astype(np.int64)

    def index(self, words: tf.Tensor) -> tf.Tensor:
        """Find the place of each word, int64 [m], whatever its case; -1 where there is none."""
        if not self.words:
            return tf.fill(tf.shape(words), tf.constant(-1, tf.int64))
        known, order = self._sorted
        sought = _hash(lower(words))
        place = tf.minimum(tf.searchsorted(known, sought), len(known) - 1)
        return tf.where(tf.gather(known, place) == sought, tf.gather(order, place), -1)


@dataclass(frozen=True)
class Lexicon:
    """The words of a corpus.

    Attributes:
        words: in the order of their first appearance.
        counts: how often each occurs, int64 [words].
        texts_with: in how many texts, int64 [words].
        texts: how many texts there are.
    """

    words: WordList
    counts: np.ndarray
    texts_with: np.ndarray
    texts: int

    @classmethod
    def of(cls, columns: Iterable[Sequence[str]]) -> Lexicon:
        """Count the words of columns of texts.

        >>> lexicon = Lexicon.of([["the card", "The card, the card"]])
        >>> lexicon.words.words, lexicon.counts.tolist(), lexicon.texts_with.tolist()
        (('the', 'card'), [3, 3], [2, 2])
        """
        counts: Counter[str] = Counter()
        texts_with: Counter[str] = Counter()
        texts = 0
        for words in (words for column in columns for words in _words_of(column)):
            counts.update(words)
            texts_with.update(set(words))
            texts += 1
        names = tuple(counts)
        of_words, of_texts = (
            np.array([count[name] for name in names], np.int64) for count in (counts, texts_with)
        )
        return cls(WordList(names), of_words, of_texts, texts)

    @cached_property
    def idf(self) -> np.ndarray:
        """log(texts / texts with the word), float32 [words + 1]; last, of an unknown word."""
        rarity = np.log(max(self.texts, 1) / np.append(self.texts_with, 1))
        return rarity.astype(np.float32)

    @cached_property
    def _replacing(self) -> np.ndarray:
        """Running sum of how likely each word is to stand in for another, float32 [words]."""
        score = self.counts * self.idf[:-1]
        spare = score.max(initial=0.0) - score
        shares = spare / spare.sum() if spare.any() else np.full(len(score), 1 / len(score))
        return np.cumsum(shares).astype(np.float32)

    def draw(self, u: tf.Tensor) -> tf.Tensor:
        """Draw a word that says little, string [m], for each number u between 0 and 1, float32 [m].

        A word's probability is in proportion to max S - S(w), S(w) = count(w) * IDF(w): Xie et al.
        (2020), Unsupervised Data Augmentation, arXiv:1904.12848, appendix on TF-IDF.
        """
        place = tf.searchsorted(self._replacing, u, side="right")
        words = tf.constant(self.words.words, tf.string)
        return tf.gather(words, tf.minimum(place, len(self.words.words) - 1))

    def tf_idf_rates(self, rate: tf.Tensor, words: Pieces) -> tf.Tensor:
        """Give probabilities, float32 [m], that touch telling words of a text less, of mean `rate`.

        min(rate * (max t - t(w)) / mean(max t - t(w)), 1) with t = TF * IDF, maximum and mean
        over the text: the same paper and appendix. All equal where all words tell as much.
        """
        row, rows = words.row, words.rows
        score = _times_in_text(words) * self._rarity(words.units)
        spare = tf.gather(tf.math.unsorted_segment_max(score, row, rows), row) - score
        mean = tf.gather(tf.math.unsorted_segment_mean(spare, row, rows), row)
        return tf.where(mean > 0, tf.minimum(rate * tf.math.divide_no_nan(spare, mean), 1.0), rate)

    def _rarity(self, words: tf.Tensor) -> tf.Tensor:
        place = self.words.index(words)
        return tf.gather(self.idf, tf.where(place >= 0, place, len(self.idf) - 1))


def lower(words: tf.Tensor) -> tf.Tensor:
    """Lower the case of words, string [m], beyond ASCII too."""
    return tf.strings.lower(words, encoding="utf-8")


def _hash(words: tf.Tensor) -> tf.Tensor:
    """Hash words to 63 bits: of a million words two share one with a probability of 1e-7."""
    return tf.strings.to_hash_bucket_fast(words, 2**63 - 1)


def _times_in_text(words: Pieces) -> tf.Tensor:
    """Count how often each word occurs in its text, float32 [m]."""
    word = tf.strings.join([tf.strings.as_string(words.row), lower(words.units)], " ")
    _, kind, counts = tf.unique_with_counts(word)
    return tf.cast(tf.gather(counts, kind), tf.float32)


def _words_of(texts: Sequence[str]) -> Iterable[list[str]]:
    """Yield the words of each text, lower case."""
    for start in range(0, len(texts), _AT_ONCE):
        matches = pieces.cut(tf.constant(texts[start : start + _AT_ONCE], tf.string))
        words = [word.decode() for word in lower(matches.units).numpy()]
        ends = np.cumsum(matches.counts.numpy())
        yield from (
            words[end - count : end] for end, count in zip(ends, matches.counts, strict=True)
        )
