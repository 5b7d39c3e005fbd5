"""Words hidden from the model, for it to say what they were."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial.objectives.contract import Forward
from tfsocial.text.batch import SEGMENT_IDS, TOKEN_IDS

MASK_BELOW, OTHER_BELOW = 0.8, 0.9  # a number between 0 and 1; from the second on, the word stays


class Masked(NamedTuple):
    """Texts with words hidden.

    Attributes:
        token_ids: int32 [rows, row_length], to be read instead.
        predicted: bool [rows, row_length], the places the model is asked about.
        places: int32 [rows, most], the predicted ones from left to right, then some of the others:
            one table of words is as much work as all layers of a small encoder, so it should be
            read for these alone.
    """

    token_ids: tf.Tensor
    predicted: tf.Tensor
    places: tf.Tensor

    def at_places(self, values: tf.Tensor) -> tf.Tensor:
        """Pick of values [rows, row_length, ...] those at `places`, [rows, most, ...]."""
        return tf.gather(values, self.places, batch_dims=1)


def most(share: float, row_length: int) -> int:
    """Compute how many tokens of a row are hidden at most: the mean and four deviations.

    >>> most(0.15, 128), most(0.9, 128)
    (37, 128)
    """
    mean = share * row_length
    return min(row_length, math.ceil(mean + 4 * math.sqrt(mean)))


def masked(step: Forward, share: float, whole_words: bool) -> Masked:
    """Hide a share of the words: of 10, 8 become [MASK], 1 another word, 1 stays.

    Devlin et al. (2019), BERT, arXiv:1810.04805, section 3.1; `whole_words` hides all pieces of
    a word together, as their later checkpoints do. Of a row with more than `most` the last stay.
    """
    tokens, parts = step.batch[TOKEN_IDS], step.word_parts
    in_text = (step.batch[SEGMENT_IDS] > 0) & ~_of_tokens(parts.special, tokens)
    u = step.uniform_tokens()
    if whole_words:
        u = _of_first_piece(u, _of_tokens(parts.continues, tokens))
    room = most(share, tokens.shape[1])
    predicted = in_text & (u < share)
    predicted &= tf.cumsum(tf.cast(predicted, tf.int32), axis=1) <= room
    fate, other = step.uniform_tokens(), _any_word(step.uniform_tokens(), len(parts.special))
    hidden = tf.where(fate < MASK_BELOW, tf.constant(parts.mask, tokens.dtype), tokens)
    hidden = tf.where((fate >= MASK_BELOW) & (fate < OTHER_BELOW), other, hidden)
    places = tf.math.top_k(tf.cast(predicted, tf.float32), room).indices  # of equals, the leftmost
    return Masked(tf.where(predicted, hidden, tokens), predicted, places)


def _of_tokens(words: np.ndarray, tokens: tf.Tensor) -> tf.Tensor:
    """Look up what is said of a word, bool [words], for each token.

    Looked up as numbers: a table of truth values is a constant that the TPU compiler cannot read.
    """
    return tf.gather(tf.constant(words, tf.int32), tokens) > 0


def _of_first_piece(values: tf.Tensor, continues: tf.Tensor) -> tf.Tensor:
    """Give each place the value of the place its word begins at, [rows, row_length]."""
    length = values.shape[1]
    begun = tf.where(continues, 0, tf.range(length))[:, tf.newaxis, :]
    later = np.triu(np.ones([length, length], np.int32), k=1)
    first = tf.reduce_max(begun - length * later, -1)
    return tf.gather(values, first, batch_dims=1)


def _any_word(u: tf.Tensor, words: int) -> tf.Tensor:
    """Turn numbers between 0 and 1 into token ids."""
    return tf.minimum(tf.cast(u * words, tf.int32), words - 1)
