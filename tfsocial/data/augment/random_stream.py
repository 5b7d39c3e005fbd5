"""Random numbers without state: every number is a hash of what it is for.

The seed, the epoch, the example, the op and the place in the text decide a number, nothing else:
not the batch an example stands in, not what was drawn before. A number costs some fifteen integer
operations.

The hash is SplitMix64 with Stafford's thirteenth variant of its mixing function: Steele, Lea &
Flood (2014), Fast Splittable Pseudorandom Number Generators, OOPSLA.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_BITS = 24  # as many as a float32 below 1 can tell apart


@dataclass(frozen=True)
class RandomStream:
    """A stream of numbers for each of n examples.

    Attributes:
        keys: uint64 [n].
    """

    keys: tf.Tensor

    @classmethod
    def of(cls, seed: int, epoch: tf.Tensor | int, examples: tf.Tensor) -> RandomStream:
        """Make the streams of examples, int64 [n], in an epoch."""
        key = _mixed(_GOLDEN * _bits(seed))
        key = _mixed(key + _GOLDEN * _bits(epoch))
        return cls(_mixed(key + _GOLDEN * _bits(examples)))

    def branch(self, number: int) -> RandomStream:
        """Branch off other streams of the same examples, one for each number from 0 on."""
        return RandomStream(_mixed(self.keys ^ _mixed(_GOLDEN * _bits(number + 1))))

    def uniform(self) -> tf.Tensor:
        """Draw a number for each example, float32 [n], at least 0 and less than 1."""
        return _fraction(_mixed(self.keys))

    def at(self, row: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        """Draw a number for each place, float32 [m], of the examples that stand in `row`, [m]."""
        return _fraction(_mixed(tf.gather(self.keys, row) + _GOLDEN * (1 + _bits(place))))


def index(u: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """Turn each number u into one of 0 to count - 1, int64 of its shape; 0 where count is 0.

    >>> index(tf.constant([0.0, 0.49, 0.99]), 2).numpy().tolist()
    [0, 0, 1]
    """
    count = tf.cast(count, tf.int64)
    place = tf.cast(u * tf.cast(count, tf.float32), tf.int64)
    return tf.clip_by_value(place, 0, tf.maximum(count - 1, 0))


def _bits(value: tf.Tensor | int) -> tf.Tensor:
    return tf.bitcast(tf.cast(value, tf.int64), tf.uint64)


def _mixed(bits: tf.Tensor) -> tf.Tensor:
    for shift, factor in _ROUNDS:
        bits = (bits ^ tf.bitwise.right_shift(bits, np.uint64(shift))) * np.uint64(factor)
    return bits ^ tf.bitwise.right_shift(bits, np.uint64(31))


def _fraction(bits: tf.Tensor) -> tf.Tensor:
    high = tf.cast(tf.bitwise.right_shift(bits, np.uint64(64 - _BITS)), tf.float32)
    return high * np.float32(2.0**-_BITS)
