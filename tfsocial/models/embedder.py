"""A community checkpoint that reads texts as it is: a vector for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsocial.data.examples import Examples
from tfsocial.data.pipeline.batches import evaluation_batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, tokenize_names, tokenize_split
from tfsocial.models import inference
from tfsocial.models.text_model import TextModel
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer

ROWS, SLOTS = 4, 16


class Embedder:
    """Its encoder, never to be trained, and its tokenizer.

    Args:
        row_length: tokens of a text that it reads.
    """

    def __init__(self, model: TextModel, tokenizer: Tokenizer, row_length: int):
        self._tokenizer = tokenizer
        self._shape = Shape(ROWS, row_length, SLOTS)
        self._embed = tf.function(
            lambda batch: {"": model(batch, training=False).pooled}, autograph=False
        )

    def __call__(self, examples: Examples) -> np.ndarray:
        """Embed examples: pooled vectors of length 1, float32 [n, hidden]."""
        return self._read(tokenize_split(examples, self._tokenizer, self._shape.row_length))

    def names(self, names: Sequence[str]) -> np.ndarray:
        """Embed label names as the words they are made of, float32 [names, hidden]."""
        return self._read(tokenize_names(names, self._tokenizer, self._shape.row_length))

    def _read(self, encoded: TokenizedSplit) -> np.ndarray:
        batches = evaluation_batches(encoded, self._shape)
        vectors = inference.by_example(self._embed, batches)[""]
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
