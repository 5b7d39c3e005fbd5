"""The learning rate over the run."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0 to `peak`, then linear, cosine or no decay to `final`.

    >>> schedule = WarmUpAndDecay(1.0, total_steps=10, warmup_steps=2, decay="linear", final=0.0)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int, decay: str, final: float):
        self.peak, self.final, self.decay = peak, final, decay
        self.total_steps, self.warmup_steps = total_steps, warmup_steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        # The first step already moves: a rate of exactly 0 would waste a batch.
        warm = (step + 1) / max(1, self.warmup_steps)
        return self.peak * tf.minimum(1.0, tf.minimum(warm, self._decayed(step)))

    def get_config(self):
        return dict(vars(self))

    def _decayed(self, step):
        if self.decay == "constant":
            return tf.ones([])
        behind = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        behind = tf.clip_by_value(behind, 0.0, 1.0)
        left = (1 + tf.cos(math.pi * behind)) / 2 if self.decay == "cosine" else 1 - behind
        return self.final / self.peak + (1 - self.final / self.peak) * left
