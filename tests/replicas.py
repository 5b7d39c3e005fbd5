"""Two replicas on one machine: a MirroredStrategy over two logical CPUs, one for all tests.

One for all because TensorFlow numbers the collectives of each strategy from 100 on: a second
strategy on the same devices fails with "Shape mismatch in the collective instance 100".
"""

from __future__ import annotations

import functools

import pytest
import tensorflow as tf


def configure() -> None:
    """Two logical CPUs, unless TensorFlow has started or somebody has configured them."""
    (processor,) = tf.config.list_physical_devices("CPU")
    if tf.config.get_logical_device_configuration(processor):
        return
    try:
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)
    except RuntimeError:
        return  # started already; `two_cpus` says so


@functools.cache
def two_cpus() -> tf.distribute.MirroredStrategy:
    if len(tf.config.list_logical_devices("CPU")) < 2:
        pytest.skip("TensorFlow started with one logical CPU")
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
