"""Whether steps wait for their input: measured beside each step, and said with its cause."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
import tf_keras as keras

log = logging.getLogger(__name__)

FIRST = 10  # executions that do not count: they compile, and the input has yet to get ahead
LOOK = 50  # executions between two looks
TOO_MUCH = 0.3  # of a step's time; half of it could be gained by a faster input at the most

AUGMENTED = (
    "data.augment and data.second_view read every text anew in each epoch: fewer or cheaper ops "
    "help, and more CPU cores"
)
PACKED = (
    "batches are only packed from memory, so the CPU is busy with something else or the steps are "
    "very short: training.steps_per_execution helps with those"
)


class InputStalls(keras.callbacks.Callback):
    """Warns once if steps spend too much of their time on waiting for batches.

    Made outside of a strategy's scope: the host alone counts.

    Args:
        augmented: whether texts are read anew in each epoch.
    """

    def __init__(self, augmented: bool):
        super().__init__()
        self.cause = AUGMENTED if augmented else PACKED
        with tf.device("CPU:0"):
            self.waited = tf.Variable(0.0, trainable=False, dtype=tf.float64, name="waited")
        self._seen, self._said, self._stepped, self._begun = 0, False, 0.0, 0.0

    def set_model(self, model):
        super().set_model(model)
        model.wrap_steps(functools.partial(counting, waited=self.waited))

    def on_train_batch_begin(self, batch, logs=None):
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Time the step: the logs are numbers now, so it is over on the device too."""
        if self._said:
            return
        self._stepped += time.perf_counter() - self._begun
        self._seen += 1
        if self._seen == FIRST:
            self._reset()
        elif self._seen == FIRST + LOOK:
            self._look()
            self._seen = FIRST
            self._reset()

    def _look(self) -> None:
        waited = float(self.waited.numpy())
        if waited <= TOO_MUCH * self._stepped:
            return
        self._said = True
        log.warning(
            "the input does not keep up: %.0f %% of %.1f s in the last %d executions went by "
            "waiting for batches (%.1f ms of %.1f each); %s",
            100 * waited / self._stepped,
            self._stepped,
            LOOK,
            1000 * waited / LOOK,
            1000 * self._stepped / LOOK,
            self.cause,
        )

    def _reset(self) -> None:
        self._stepped = 0.0
        self.waited.assign(0.0)


class Counted:
    """Batches, and beside them the seconds each of them was waited for.

    Lives while Keras's train function is traced, in the place of its iterator.

    Args:
        waited: float64 [], to which they are added.
    """

    def __init__(self, batches: Iterator, waited: tf.Variable):
        self.batches, self.waited = batches, waited

    def __next__(self):
        began = tf.timestamp()
        with tf.control_dependencies([began]):
            batch = next(self.batches)
        with tf.control_dependencies(tf.nest.flatten(batch, expand_composites=True)):
            counted = self.waited.assign_add(tf.timestamp() - began, read_value=False)
        return _after(counted, batch)


def _after(counted: tf.Operation, batch: Any) -> Any:
    """Give the batch once the clock was read: a lone thread may read it last of the step's ops.

    That of several replicas is left alone: they have threads, and a copy could change the device.
    """
    if not all(isinstance(values, tf.Tensor) for values in tf.nest.flatten(batch)):
        return batch
    with tf.control_dependencies([counted]):
        return tf.nest.map_structure(tf.identity, batch)


def counting(steps: Callable[[Iterator], dict], waited: tf.Variable) -> Callable[[Iterator], dict]:
    """Trace a train function of Keras's around `Counted` batches.

    Args:
        steps: in Python, before it was traced.
    """
    converted = tf.autograph.to_graph(steps)  # its loop over an execution's steps
    return tf.function(
        lambda batches: converted(Counted(batches, waited)), autograph=False, reduce_retracing=True
    )
