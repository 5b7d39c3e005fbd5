"""Texts to tokens, many calls of the tokenizer beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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
        for tokens, types, cut in _called(call, texts):
            yield TokenBlock(
                tokens.flat_values.numpy(),
                types.flat_values.numpy(),
                tokens.row_lengths().numpy(),
                int(np.sum(cut)),
            )


def _called(call: Callable, texts: tuple[tf.Tensor, ...]) -> Iterable:
    if len(texts[0]) <= TOKENIZE_AT_ONCE:  # one call; a dataset would first be built around it
        return [call(*texts)]
    batches = tf.data.Dataset.from_tensor_slices(texts).batch(TOKENIZE_AT_ONCE)
    return batches.map(call, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


@lru_cache(maxsize=2)
def _in_graph(tokenizer: Tokenizer, row_length: int, columns: int) -> Callable:
    """Trace equal tokenizers once: a run has several splits, ten million texts 150 datasets."""
    signature = [tf.TensorSpec([None], tf.string)] * columns
    return tf.function(partial(tokenizer, max_length=row_length), signature, autograph=False)


def in_memory(blocks: Iterator[TokenBlock]) -> AllTokens:
    """Join blocks to one table of tokens in memory."""
    tokens, types, lengths, truncated = zip(*blocks, strict=True)
    splits = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return AllTokens(
        tf.constant(np.concatenate(tokens)),
        tf.constant(np.concatenate(types)),
        tf.constant(splits),
        sum(truncated),
    )
