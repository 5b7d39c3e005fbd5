"""Neighbours that change places: letters, words and tokens alike."""

from __future__ import annotations

import tensorflow as tf


def every_other(selected: tf.Tensor) -> tf.Tensor:
    """Mark of each run of selected places, bool [m], the first, the third and so on.

    >>> every_other(tf.constant([True, True, True, False, True])).numpy().tolist()
    [True, False, True, False, True]
    """
    place = tf.range(tf.size(selected))
    begins = selected & ~tf.concat([[False], selected[:-1]], 0)
    begun = tf.concat([[0], tf.boolean_mask(place, begins)], 0)
    run = tf.cumsum(tf.cast(begins, tf.int32))
    return selected & ((place - tf.gather(begun, run)) % 2 == 0)


def following(swaps: tf.Tensor) -> tf.Tensor:
    """Tell whether the place before is marked, bool [m]."""
    return tf.concat([[False], swaps[:-1]], 0)


def exchanged(swaps: tf.Tensor) -> tf.Tensor:
    """Give the order, int32 [m], in which each marked place has changed with the next one.

    No two neighbours may be marked, nor the last place.

    >>> exchanged(tf.constant([True, False, False, True, False])).numpy().tolist()
    [1, 0, 2, 4, 3]
    """
    forth, back = (tf.cast(marks, tf.int32) for marks in (swaps, following(swaps)))
    return tf.range(tf.size(swaps)) + forth - back
