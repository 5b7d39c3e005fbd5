"""Raw texts of a request to packed rows, in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.text.tokenizer import Tokenizer


def pack_texts(
    columns: Sequence[tf.Tensor],
    tokenizer: Tokenizer,
    row_length: int,
    slots: int,
    further: Mapping[str, tf.Tensor] | None = None,
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Pack raw texts in as few and as short rows as can be, and give their assignment.

    Args:
        columns: string [n] each; one, or two for pairs.
        further: what else a batch has of each text, [n, ...], by its keys.

    Returns:
        Token keys [rows, length], `example_id` and `weight` [rows, slots], with length at
        most `row_length` and rows whatever n needs; and the assignment int64 [rows, slots].
    """
    tokens, types, _ = tokenizer(*columns, max_length=row_length)
    lengths = tokens.row_lengths()
    length = _row_length(lengths, row_length)
    assignment = packing.next_fit(lengths, length, slots)
    count = tf.size(lengths, tf.int64)
    # Of no texts one empty row: a matrix without rows is more than some kernels can take.
    empty = [[0, tf.cast(count == 0, tf.int32)], [0, 0]]
    assignment = tf.pad(assignment, empty, constant_values=packing.EMPTY)
    features = {keys.EXAMPLE_ID: tf.range(count), keys.WEIGHT: tf.ones([count]), **(further or {})}
    return packing.pack(tokens, types, features, assignment, length), assignment


def _row_length(lengths: tf.Tensor, row_length: int) -> tf.Tensor:
    """Choose how long a row is: as the longest of texts that are about as long, else a whole one.

    Attention over a row costs its length squared, so texts of one length are computed a fifth
    faster each in a row of its own. No row is longer than all tokens together.
    """
    count, total = tf.size(lengths, tf.int64), tf.reduce_sum(lengths)
    longest = tf.reduce_max(tf.concat([[tf.constant(1, tf.int64)], lengths], 0))
    whole = tf.clip_by_value(total, 1, tf.cast(row_length, tf.int64))
    return tf.where(9 * total >= 8 * longest * count, longest, whole)
