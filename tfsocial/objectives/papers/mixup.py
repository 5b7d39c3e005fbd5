"""Mixup of hidden vectors: between two texts the answer lies between their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tensorflow as tf
from pydantic import Field
from scipy import special

from tfsocial.objectives.contract import ANY_KIND, Forward, Objective, Terms
from tfsocial.text.batch import label_key

QUANTILES = 1024  # of the Beta distribution; XLA has no sampler for it


@dataclass(frozen=True)
class Mixup(Objective):
    """r * L(h(z), y_i) + (1 - r) * L(h(z), y_j), with z = r * f(x_i) + (1 - r) * f(x_j).

    j is the example that follows i in a random order of the global batch's labelled ones;
    r is Beta(alpha, alpha), drawn for each pair and mirrored to at least 1/2, so that z is
    nearer to its own example. Columns that heads read beside f(x) are mixed alike.

    Zhang et al. (2018), arXiv:1710.09412; on the pooled vectors of an encoder: Sun et al.
    (2020), Mixup-Transformer, arXiv:2010.02394, section 3.
    """

    task: str
    alpha: Annotated[float, Field(gt=0.0, le=100.0)] = 0.5

    kinds = ANY_KIND

    def __call__(self, step: Forward) -> Terms:
        outputs = step.outputs
        _, mask = step.task_loss(self.task, outputs)
        labels, *partners = self._partners(step, mask)
        share = self._share(step.uniform())
        mixed = [
            share[..., tf.newaxis] * own + (1 - share[..., tf.newaxis]) * partner
            for own, partner in zip(_read(step), partners, strict=True)
        ]
        supposed = outputs._replace(pooled=mixed[0], logits=step.heads(*mixed))
        own, theirs = (
            step.task_loss(self.task, supposed, labels).loss
            for labels in (step.batch[label_key(self.task)], labels)
        )
        return Terms(share * own + (1 - share) * theirs, mask)

    def _partners(self, step: Forward, mask: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Give each example's partner's labels and what heads read of it, [rows, slots, ...]."""
        keys = tf.where(mask > 0, step.uniform(), 2.0)  # examples without a label come last
        every = tf.reshape(step.gather(keys), [-1])
        place = tf.searchsorted(tf.sort(every), tf.reshape(keys, [-1]))
        count = tf.reduce_sum(tf.cast(every < 2.0, tf.int32))
        following = tf.gather(tf.argsort(every), (place + 1) % tf.maximum(count, 1))
        return tuple(
            self._taken(step, values, following, mask)
            for values in (step.batch[label_key(self.task)], *_read(step))
        )

    def _taken(self, step: Forward, values, places, mask):
        every = step.gather(values)
        flat = tf.reshape(every, [-1, *values.shape[2:]])
        return tf.reshape(tf.gather(flat, places), [*mask.shape, *values.shape[2:]])

    def _share(self, uniform: tf.Tensor) -> tf.Tensor:
        """Draw from Beta(alpha, alpha) by its quantiles, mirrored to [1/2, 1]."""
        upper = (1 + (np.arange(QUANTILES) + 0.5) / QUANTILES) / 2
        quantiles = special.betaincinv(self.alpha, self.alpha, upper).astype(np.float32)
        return tf.gather(quantiles, tf.cast(uniform * QUANTILES, tf.int32) % QUANTILES)


def _read(step: Forward) -> list[tf.Tensor]:
    """List what heads read of each example, [rows, slots, ...]: its vector, perhaps features."""
    features = step.features
    return [step.outputs.pooled, *([] if features is None else [features])]
