"""Numbers that training moves beside the weights."""

from __future__ import annotations

import tensorflow as tf


def moving_number(name: str, start: float = 0.0) -> tf.Variable:
    """Make a number that all replicas know alike.

    Keras's metrics begin anew each epoch, this does not.

    Returns:
        float32 [].
    """
    return tf.Variable(
        start,
        trainable=False,
        name=name,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.MEAN,
    )
