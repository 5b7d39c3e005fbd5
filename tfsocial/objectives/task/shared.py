"""What losses of several kinds have in common."""

from __future__ import annotations

import tensorflow as tf

from tfsocial.objectives.contract import Forward
from tfsocial.text.batch import WEIGHT, label_key

TINY = 1e-30


def class_labels(step: Forward, task: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Give classes int32 [rows, slots] with 0 for none, and the float32 mask of labelled examples.

    A label beyond the logits, which means out of scope, is none that can be learned.
    """
    labels = step.batch[label_key(task)]
    known = (labels >= 0) & (labels < step.outputs.logits[task].shape[-1])
    return tf.where(known, labels, 0), step.batch[WEIGHT] * tf.cast(known, tf.float32)


def dense_labels(step: Forward, task: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Give labels float32 [rows, slots, columns], 0 for NaN, and the mask of labelled examples."""
    labels = step.batch[label_key(task)]
    known = tf.math.is_finite(labels)
    mask = step.batch[WEIGHT] * tf.cast(tf.reduce_all(known, -1), tf.float32)
    return tf.where(known, labels, 0.0), mask


def power(base: tf.Tensor, exponent: float) -> tf.Tensor:
    """Compute base^exponent for base >= 0, with a finite slope everywhere.

    At 0 the slope is infinite for exponents below 1; times the 0 of a loss that is learned, NaN.
    Float32 of the shape of `base`.

    >>> power(tf.constant([0.0, 0.25]), 0.0).numpy()
    array([1., 1.], dtype=float32)
    >>> power(tf.constant([0.0, 0.25]), 0.5).numpy()
    array([1.e-15, 5.e-01], dtype=float32)
    """
    return tf.pow(tf.maximum(base, TINY), exponent)
