"""Multi-sample dropout: the mean over head passes of one encoder pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from tfsocial.models.text_model import Outputs
from tfsocial.objectives.papers.multi_sample_dropout import MultiSampleDropout
from tfsocial.objectives.task.classify import CrossEntropy
from tfsocial.text import batch as keys


@dataclass
class Drawing:
    """A step whose head gives another of these logits each time."""

    batch: dict
    outputs: Outputs
    samples: list

    def heads(self, pooled):
        return {"topic": tf.constant([[self.samples.pop(0)]])}

    def task_loss(self, task, outputs):
        return CrossEntropy(task)(replace(self, outputs=outputs))


def test_is_the_mean_over_samples():
    """-log of 1/2 and of 1/4: their mean, log 8 / 2."""
    batch = {keys.WEIGHT: tf.ones([1, 1]), keys.label_key("topic"): tf.constant([[0]])}
    samples = [[0.0, 0.0], [0.0, float(np.log(3))]]
    step = Drawing(batch, Outputs(None, tf.zeros([1, 1, 2]), {}), samples)
    loss, mask = MultiSampleDropout("topic", samples=2)(step)
    np.testing.assert_allclose(loss, [[np.log(8) / 2]], rtol=1e-6)
    np.testing.assert_array_equal(mask, [[1]])


def test_samples_differ_under_dropout(bench, batch):
    """In training each sample drops other numbers of the same pooled vector."""
    step = bench.dropout_step(batch)
    first, second = (step.heads(step.outputs.pooled)["topic"].numpy() for _ in range(2))
    assert not np.allclose(first, second)
