"""Pooling of segments, and the heads that read the pooled vectors.

Heads compute in float32 whatever the encoder's precision: logits, softmax and losses
lose too much in bfloat16.
"""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from tfsocial.kinds import TaskKind
from tfsocial.models.kernels import ByteDropout, gelu
from tfsocial.models.ood import OODDetector
from tfsocial.models.spec import HeadSpec
from tfsocial.models.tf_transformers import BertConfig


def mean_pool(hidden: tf.Tensor, segment_ids: tf.Tensor, slots: int | tf.Tensor) -> tf.Tensor:
    """Average each segment's hidden states; zeros for an empty slot.

    Args:
        hidden: [rows, row_length, hidden].
        segment_ids: int32 [rows, row_length].

    Returns:
        float32 [rows, slots, hidden].

    >>> mean_pool(tf.constant([[[2.0], [4.0], [9.0]]]), tf.constant([[1, 1, 2]]), 3)[0, :, 0]
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([3., 9., 0.], dtype=float32)>
    """
    members = _membership(segment_ids, slots, tf.float32)
    sums = tf.matmul(members, tf.cast(hidden, tf.float32))
    return tf.math.divide_no_nan(sums, tf.reduce_sum(members, -1, keepdims=True))


def first_token(hidden: tf.Tensor, segment_ids: tf.Tensor, slots: int | tf.Tensor) -> tf.Tensor:
    """Take each segment's first token ([CLS]) of hidden states; float32 [rows, slots, hidden]."""
    started = tf.pad(segment_ids[:, :-1], [[0, 0], [1, 0]]) != segment_ids
    members = _membership(segment_ids, slots, tf.float32) * tf.cast(
        started[:, tf.newaxis], tf.float32
    )
    return tf.matmul(members, tf.cast(hidden, tf.float32))


def _membership(segment_ids: tf.Tensor, slots: int | tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Mark with 1 where a token belongs to a slot, [rows, slots, row_length]."""
    numbers = tf.range(1, slots + 1)[tf.newaxis, :, tf.newaxis]
    return tf.cast(segment_ids[:, tf.newaxis, :] == numbers, dtype)


class _TextAlone(keras.initializers.TruncatedNormal):
    """BERT's own for the first rows of a kernel; 0 for what is read beside the vector.

    What no example of train has, as a level that is not among them, then says nothing for ever.
    """

    def __init__(self, hidden_size: int):
        super().__init__(stddev=0.02)
        self.hidden_size = hidden_size

    def __call__(self, shape, dtype=None, **kwargs):
        drawn = super().__call__([self.hidden_size, shape[1]], dtype, **kwargs)
        return tf.pad(drawn, [[0, shape[0] - self.hidden_size], [0, 0]])


class Heads(keras.layers.Layer):
    """One linear layer per task on the same pooled vectors, and on features beside them.

    Detectors of what is out of scope measure the vectors alone.

    Args:
        feature_width: numbers that stand beside a vector, which neither dropout nor `normalize`
            touches.
        normalize: whether they read a vector's direction alone, at the length sqrt(hidden_size):
            what M0 was trained to compare by cosine says nothing by its length. For few labels:
            Chen et al. (2019), A Closer Look at Few-shot Classification, arXiv:1904.04232.
    """

    def __init__(
        self,
        specs: dict[str, HeadSpec],
        hidden_size: int,
        dropout: ByteDropout | None = None,
        normalize: bool = False,
        feature_width: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs, dtype="float32")
        self.hidden_size = hidden_size
        self.feature_width = feature_width
        self.dropout = dropout
        self.normalize = normalize
        self.linear = {
            task: keras.layers.Dense(
                spec.learned,
                # One for each, since an initializer draws the same each time.
                kernel_initializer=_TextAlone(hidden_size),
                name=task,
                dtype="float32",
            )
            for task, spec in specs.items()
        }
        self.ood_detectors = {
            task: OODDetector(spec.scope, spec.learned, hidden_size, name=task)
            for task, spec in specs.items()
            if spec.scope
        }

    def build(self, input_shape=None):
        for layer in (*self.linear.values(), *self.ood_detectors.values()):
            with tf.name_scope(layer.name):
                layer.build([None, self.hidden_size + self.feature_width])
        super().build(input_shape)

    def call(
        self, pooled: tf.Tensor, features: tf.Tensor | None = None, training: bool = False
    ) -> dict[str, tf.Tensor]:
        """Compute logits [rows, slots, width] of every task.

        Args:
            pooled: [rows, slots, hidden].
            features: [rows, slots, feature_width], where heads read some.
        """
        read = self._directed(pooled)
        read = self.dropout(read, training=training) if self.dropout else read
        read = self._beside(read, features)
        return {task: layer(read) for task, layer in self.linear.items()}

    def read(self, pooled: tf.Tensor, features: tf.Tensor | None = None) -> tf.Tensor:
        """Compute what the linear layers read, [..., hidden + feature_width]; see `call`."""
        return self._beside(self._directed(pooled), features)

    def _directed(self, pooled: tf.Tensor) -> tf.Tensor:
        if not self.normalize:
            return pooled
        return tf.math.l2_normalize(pooled, -1) * math.sqrt(self.hidden_size)

    def _beside(self, vectors: tf.Tensor, features: tf.Tensor | None) -> tf.Tensor:
        if not self.feature_width:
            return vectors
        if features is None:
            raise ValueError("the heads were built to read features, and there are none")
        return tf.concat([vectors, features], -1)


class MLMHead(keras.layers.Layer):
    """BERT's masked-LM head: logits = LayerNorm(gelu(W h + b)) E' + c, E the word table.

    Devlin et al. (2019), arXiv:1810.04805; its variables have the names of `cls.predictions` in
    PyTorch's `BertForMaskedLM`.
    """

    def __init__(self, config: BertConfig, **kwargs):
        super().__init__(name="cls", **kwargs)
        self.config = config
        self.dense = keras.layers.Dense(
            config.hidden_size,
            activation=gelu,
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="dense",
        )
        self.norm = keras.layers.LayerNormalization(
            epsilon=config.layer_norm_eps, name="LayerNorm", dtype="float32"
        )

    def build(self, input_shape=None):
        with tf.name_scope("cls/predictions"):
            self.bias = self.add_weight(
                "bias", [self.config.vocab_size], initializer="zeros", dtype="float32"
            )
        for layer in (self.dense, self.norm):
            with tf.name_scope(f"cls/predictions/transform/{layer.name}"):
                layer.build([None, None, self.config.hidden_size])
        super().build(input_shape)

    def call(self, hidden: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
        """Compute float32 [..., words] from hidden states [..., hidden], table [words, hidden]."""
        transformed = self.norm(self.dense(hidden))
        logits = tf.matmul(
            tf.cast(transformed, self.compute_dtype),
            tf.cast(table, self.compute_dtype),
            transpose_b=True,
        )
        return tf.cast(logits, tf.float32) + tf.cast(self.bias, tf.float32)


def predictions(kind: TaskKind, logits: tf.Tensor) -> tf.Tensor:
    """Turn logits [..., width] into probabilities, one per label if multilabel, or values."""
    if kind == "classify":
        return tf.nn.softmax(logits)
    return tf.sigmoid(logits) if kind == "multilabel" else logits
