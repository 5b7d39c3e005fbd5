"""Cheaper forms of two small ops that otherwise take a third of a step on CPU.

Both compute what the layer they stand in for computes; `PackedBert` puts them into
`transformers`' layers.
"""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras


class ByteDropout(keras.layers.Layer):
    """Dropout (Srivastava et al., 2014, JMLR 15) that spends one random byte per element.

    The usual layer draws a float per element, and drawing costs more than dropping. The rate
    is rounded to 1/256 (0.1 becomes 26/256) and kept values are scaled by the rounded
    rate's own 1 / (1 - rate), so the expectation is that of the inputs (in bfloat16 to 0.4 %,
    the rounding of the scale).
    """

    def __init__(self, rate: float, generator: tf.random.Generator, **kwargs):
        super().__init__(**kwargs)
        self.dropped = min(round(256 * rate), 255)  # all dropped would leave nothing to scale
        self.generator = generator

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drop elements of inputs [...] in training; return the same shape and dtype."""
        if not training or not self.dropped:
            return inputs
        scale = tf.constant(256 / (256 - self.dropped), inputs.dtype)
        # One product instead of a choice: its gradient is one product too.
        return inputs * (tf.cast(self._bytes(inputs) >= self.dropped, inputs.dtype) * scale)

    def _bytes(self, like: tf.Tensor) -> tf.Tensor:
        """Draw uniform uint8 in the shape of `like`."""
        count = tf.size(like) if like.shape.num_elements() is None else like.shape.num_elements()
        words = self.generator.uniform_full_int([(count + 7) // 8], tf.uint64)
        flat = tf.reshape(tf.bitcast(words, tf.uint8), [-1])
        return tf.reshape(flat[:count], tf.shape(like))


class HashDropout(ByteDropout):
    """The same dropout where XLA compiles the step: bytes are computed where they are used.

    A byte is the top of a hash of the element's place and of a fresh key, so the mask is a few
    integer operations inside the product that drops, forwards and backwards: no random tensor is
    ever written. On a TPU drawing the bytes and spreading them over its tiles took more than
    half of a step. The hash is the last step of MurmurHash3 (Appleby, 2011), which
    turns on average half of the 32 bits when one of the place turns; rows have keys of their own,
    so that each row's 128 or 384 places start anywhere.
    """

    def _bytes(self, like: tf.Tensor) -> tf.Tensor:
        """Draw uniform uint32 below 256 in the shape of `like`."""
        places = [_along(like, axis) for axis in range(like.shape.rank)] or [
            tf.zeros([], tf.uint32)
        ]
        keys = tf.unstack(self.generator.uniform_full_int([2], tf.uint32))
        row = _mixed(sum(places[:-1], keys[0]))
        spread = places[-1] * tf.constant(0x9E3779B9, tf.uint32)  # 2^32 / golden ratio
        return _shifted(_mixed(tf.bitwise.bitwise_xor(row + spread, keys[1])), 24)


def dropout(compiled: bool) -> type[ByteDropout]:
    """Choose the form for a training step that goes through XLA, or for one that does not."""
    return HashDropout if compiled else ByteDropout


def _along(like: tf.Tensor, axis: int) -> tf.Tensor:
    """Count what an axis adds to a place but for the last: uint32 that broadcasts to `like`."""
    sizes = [size or tf.shape(like)[place] for place, size in enumerate(like.shape)]
    stride = 1
    for size in sizes[axis + 1 : -1]:
        stride *= size
    numbers = tf.range(sizes[axis]) * (stride if axis + 1 < len(sizes) else 1)
    shape = [1] * len(sizes)
    shape[axis] = -1
    return tf.reshape(tf.cast(numbers, tf.uint32), shape)


def _mixed(words: tf.Tensor) -> tf.Tensor:
    """Mix by MurmurHash3's finalizer, a bijection of uint32.

    >>> [hex(word) for word in _mixed(tf.constant([0, 1], tf.uint32)).numpy()]
    ['0x0', '0x514e28b7']
    """
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words = tf.bitwise.bitwise_xor(words, _shifted(words, shift))
        words *= tf.constant(factor, tf.uint32)
    return tf.bitwise.bitwise_xor(words, _shifted(words, 16))


def _shifted(words: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.right_shift(words, tf.constant(bits, tf.uint32))


def gelu(inputs: tf.Tensor) -> tf.Tensor:
    """Compute x * Phi(x), exact GELU (Hendrycks & Gimpel, arXiv:1606.08415), by erf, of [...].

    TensorFlow's own goes through erfc, which its CPU kernels do not vectorise.
    """
    half = tf.constant(0.5, inputs.dtype)
    return half * inputs * (1 + tf.math.erf(inputs * tf.constant(math.sqrt(0.5), inputs.dtype)))
