"""Texts to tokens, many calls of the tokenizer beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial.data.examples import Examples
from tfsocial.text.tokenizer import Tokenizer

TOKENIZE_AT_ONCE = 1024  # texts a tokenizer call; larger gains nothing
CALLS = 64  # of the tokenizer, whose texts are in memory together


class TokenBlock(NamedTuple):
    """Tokens of m texts, one after the other, int32 [tokens]; their lengths, int64 [m]."""

    tokens: np.ndarray
    types: np.ndarray
    lengths: np.ndarray
    truncated: int


class AllTokens(NamedTuple):
    """All texts' tokens: int32 [tokens] twice, int64 [n + 1] where each text begins."""

    tokens: tf.Tensor
    types: tf.Tensor
    splits: tf.Tensor
    truncated: int


def token_blocks(examples: Examples, tokenizer: Tokenizer, row_length: int) -> Iterator[TokenBlock]:
    """Tokenize examples in their order, a block at a time."""
    columns = [column for column in (examples.text, examples.pair) if column is not None]
    at_once = CALLS * TOKENIZE_AT_ONCE
    call = _in_graph(tokenizer, row_length, len(columns))
    for start in range(0, len(examples), at_once):
        texts = tuple(tf.constant(column[start : start + at_once]) for column in columns)
        dataset = tf.data.Dataset.from_tensor_slices(texts).batch(TOKENIZE_AT_ONCE)
        for tokens, types, cut in dataset.map(
            call, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        ):
            values = (tokens.flat_values, types.flat_values, tokens.row_lengths())
            yield TokenBlock(*(value.numpy() for value in values), int(np.sum(cut)))


@lru_cache(maxsize=2)
def _in_graph(tokenizer: Tokenizer, row_length: int, columns: int) -> Callable:
    """Trace the tokenizer once: a run has several splits, ten million texts are 150 datasets."""
    signature = [tf.TensorSpec([None], tf.string)] * columns
    return tf.function(partial(tokenizer, max_length=row_length), signature, autograph=False)


def in_memory(blocks: Iterator[TokenBlock]) -> AllTokens:
    """Join blocks to one table of tokens in memory."""
    blocks = list(blocks)
    tokens, types, lengths = (
        np.concatenate([block[place] for block in blocks]) for place in range(3)
    )
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    cut = sum(block.truncated for block in blocks)
    return AllTokens(tf.constant(tokens), tf.constant(types), tf.constant(splits), cut)
