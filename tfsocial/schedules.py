"""What moves during a run: the value of a constant or a schedule at a moment of it."""

from __future__ import annotations

import math

import tensorflow as tf

from tfsocial.config import Schedule


def value_at(value: float | Schedule, progress: tf.Tensor) -> tf.Tensor:
    """Compute the value of a constant or a schedule, float32 scalar.

    Args:
        progress: the fraction of the run behind us.

    >>> float(value_at(2.0, tf.constant(0.3)))
    2.0
    >>> float(value_at(Schedule(start=0, end=4, until=0.5), tf.constant(0.25)))
    2.0
    >>> float(value_at(Schedule(end=1, begin=0.5, shape="step"), tf.constant(0.5)))
    1.0
    """
    if not isinstance(value, Schedule):
        return tf.constant(value, tf.float32)
    return value.start + (value.end - value.start) * _ramp(value, progress)


def _ramp(schedule: Schedule, progress: tf.Tensor) -> tf.Tensor:
    """Give 0 before the schedule begins, 1 from its end on."""
    if schedule.shape == "step" or schedule.until == schedule.begin:
        return tf.cast(progress >= schedule.begin, tf.float32)
    span = schedule.until - schedule.begin
    linear = tf.clip_by_value((progress - schedule.begin) / span, 0.0, 1.0)
    if schedule.shape == "cosine":
        return (1 - tf.cos(math.pi * linear)) / 2
    return linear
