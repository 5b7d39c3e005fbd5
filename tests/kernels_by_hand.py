"""What the encoder's tests and its kernels' share."""

from __future__ import annotations

import tensorflow as tf


def compiled(layer):
    return tf.function(lambda x: layer(x, training=True), jit_compile=True)
