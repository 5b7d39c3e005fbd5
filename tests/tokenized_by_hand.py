"""Splits whose tokens are numbers that say whose they are."""

from __future__ import annotations

import tensorflow as tf

from tfsocial.data.pipeline.tokenized_split import TokenizedSplit


def encoded_of(lengths, **labels):
    """Examples of these lengths, each token of example i being 100 i and counting."""
    tokens = tf.ragged.constant(
        [[100 * i + j for j in range(length)] for i, length in enumerate(lengths)],
        dtype=tf.int32, ragged_rank=1,
    )  # fmt: skip
    return TokenizedSplit(tokens, tf.zeros_like(tokens), labels, truncated=0)
