"""A community checkpoint that reads texts as it is: a vector for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsocial.data import pipeline
from tfsocial.data.batch import Shape
from tfsocial.data.sources import Examples
from tfsocial.data.text import Tokenizer
from tfsocial.models import inference
from tfsocial.models.checkpoints import Community
from tfsocial.models.text_model import TextModel

ROWS, SLOTS = 4, 16


class Embedder:
    """Its encoder, never to be trained, and its tokenizer.

    Args:
        row_length: tokens of a text that it reads.
    """

    def __init__(self, model: TextModel, tokenizer: Tokenizer, row_length: int):
        self._tokenizer = tokenizer
        self._shape = Shape(ROWS, row_length, SLOTS)
        self._embed = tf.function(lambda batch: {"": model(batch, training=False).pooled})

    @classmethod
    def of(cls, community: Community, pooling: str, row_length: int) -> Embedder:
        """With the checkpoint's weights, and no longer rows than it has positions for.

        Raises:
            InputError: its vocabulary is longer than its table, or weights are missing.
        """
        tokenizer = Tokenizer.load(community.folder)
        row_length = min(row_length, community.config.max_position_embeddings)
        community.check(tokenizer, row_length)
        model = TextModel(community.architecture(), {}, pooling)
        model.build()
        community.fill(model.encoder)
        return cls(model, tokenizer, row_length)

    def __call__(self, examples: Examples) -> np.ndarray:
        """Pooled vectors of length 1, float32 [n, hidden]."""
        return self._read(pipeline.encode(examples, self._tokenizer, self._shape.row_length))

    def names(self, names: Sequence[str]) -> np.ndarray:
        """Those of label names, as the words they are made of."""
        return self._read(pipeline.encode_names(names, self._tokenizer, self._shape.row_length))

    def _read(self, encoded: pipeline.Encoded) -> np.ndarray:
        batches = pipeline.evaluation_batches(encoded, self._shape)
        vectors = inference.by_example(self._embed, batches)[""]
        return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
