"""How long the texts are in tokens of M0, and how many of them it has no word for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfsocial.config import Data
from tfsocial.data.examples import Corpus
from tfsocial.data.pipeline import tokenized_split
from tfsocial.text.tokenizer import Tokenizer

Facts = dict[str, Any]

HISTOGRAM_BINS = 40
_UNCUT = 2**30  # tokens: no text is as long


def tokens_of(corpus: Corpus, tokenizer: Tokenizer) -> dict[str, tf.RaggedTensor]:
    """Tokenize each split's examples, int32 [n, ragged], nothing cut, special tokens too."""
    return {
        split: tokenized_split.tokenize_split(examples, tokenizer, _UNCUT).tokens
        for split, examples in corpus.splits.items()
    }


def length_facts(
    data: Data, tokens: Mapping[str, tf.RaggedTensor], positions: int, tokenizer: Tokenizer
) -> Facts:
    """Measure the texts in tokens, with what a row has room for beside it."""
    row_length = data.row_length
    lengths = {split: ragged.row_lengths().numpy() for split, ragged in tokens.items()}
    longest = max((int(counts.max()) for counts in lengths.values() if len(counts)), default=0)
    # Half a percent of long texts would squeeze all others into one bar: they share the last one.
    high = max([row_length, *(np.percentile(c, 99.5) for c in lengths.values() if len(c))])
    width = max(1, -(-int(min(longest, high)) // HISTOGRAM_BINS))
    edges = np.arange(0, int(min(longest, high)) + width + 1, width)
    return {
        "row_length": row_length,
        "rows": data.rows,
        "slots": data.slots,
        "positions": positions,
        "edges": edges.tolist(),
        "splits": {
            split: {
                **_length(counts, row_length),
                "unknown": _unknown(tokens[split], tokenizer),
                "histogram": _histogram(counts, edges),
            }
            for split, counts in lengths.items()
        },
    }


def _unknown(tokens: tf.RaggedTensor, tokenizer: Tokenizer) -> float:
    """Compute the share of tokens that are [UNK]; [CLS] and [SEP] are none of the text's."""
    ids = tokens.flat_values.numpy()
    special = (ids == tokenizer.cls_id) | (ids == tokenizer.sep_id)
    return float((ids == tokenizer.unknown_id).sum() / max((~special).sum(), 1))


def _length(counts: np.ndarray, row_length: int) -> Facts:
    if not len(counts):
        return dict.fromkeys(("mean", "median", "p95", "p99", "longest", "cut"), 0)
    median, p95, p99 = (int(value) for value in np.percentile(counts, [50, 95, 99]))
    return {
        "mean": float(counts.mean()),
        "median": median,
        "p95": p95,
        "p99": p99,
        "longest": int(counts.max()),
        "cut": int((counts > row_length).sum()),
    }


def _histogram(counts: np.ndarray, edges: np.ndarray) -> list[int]:
    return np.histogram(np.minimum(counts, edges[-1]), edges)[0].tolist()
