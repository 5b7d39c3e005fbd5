"""A moving average of the weights: what is scored and kept, while training goes on beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import tensorflow as tf


class WeightAverage(tf.Module):
    """average <- d_t * average + (1 - d_t) * theta, with d_t = min(decay, (1 + t) / (10 + t))

    Polyak & Juditsky (1992), Acceleration of Stochastic Approximation by Averaging; here
    with an exponential memory. t counts the steps taken, as `num_updates` of
    `tf.train.ExponentialMovingAverage` does. A short memory at first forgets where it began.

    Without a decay there is no average, and all that is done with it does nothing.

    Args:
        weights: name -> what is averaged.
        averages: name -> variable to keep the average in, at its weight's value; left out, own
            ones.
    """

    def __init__(
        self,
        weights: Mapping[str, tf.Variable],
        decay: float | None,
        averages: Mapping[str, tf.Variable] | None = None,
    ):
        super().__init__(name="weight_average")
        self.decay = decay
        self.weights = dict(weights) if decay is not None else {}
        # Each replica moves its own copy by its own copy of the weights, which are all alike.
        self.averages = {
            name: averages[name]
            if averages
            else tf.Variable(tf.convert_to_tensor(weight), trainable=False)
            for name, weight in self.weights.items()
        }

    def update(self, steps: tf.Tensor) -> None:
        """Take in the weights after so many steps, int64 []."""
        if self.decay is None or not self.weights:
            return
        decay = memory(self.decay, steps)
        for average, weight in self._pairs():
            average.assign(decay * average + (1 - decay) * weight)

    def put_in(self) -> None:
        """Set the weights to their averages, for good."""
        for average, weight in self._pairs():
            weight.assign(average)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Set the weights to their averages inside; afterwards they are themselves again."""
        before = {name: weight.numpy() for name, weight in self.weights.items()}
        self.put_in()
        try:
            yield
        finally:
            for name, value in before.items():
                self.weights[name].assign(value)

    def _pairs(self) -> Iterator[tuple[tf.Variable, tf.Variable]]:
        return ((self.averages[name], weight) for name, weight in self.weights.items())


def memory(decay: float, steps: tf.Tensor) -> tf.Tensor:
    """Compute d_t, what of the average is left by a step, float32 scalar.

    >>> [round(float(memory(0.9, steps)), 3) for steps in (1, 8, 71, 1000)]
    [0.182, 0.5, 0.889, 0.9]
    """
    steps = tf.cast(steps, tf.float32)
    return tf.minimum(decay, (1 + steps) / (10 + steps))
