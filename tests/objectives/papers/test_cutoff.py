"""Cutoff on logits worked by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.contract import Terms
from tfsocial.objectives.papers.cutoff import Cutoff
from tfsocial.objectives.task.classify import CrossEntropy
from tfsocial.text import batch as keys


@dataclass(frozen=True)
class Supposed:
    """What a task's loss reads of a step."""

    batch: dict
    outputs: object


@pytest.fixture
def step(fake_step, fake_outputs):
    """The whole text says (1/2, 1/2), the cut one (3/4, 1/4); labels 0 and none."""
    batch = {
        keys.WEIGHT: tf.ones([1, 2]),
        keys.label_key("topic"): tf.constant([[0, -1]]),
    }

    class WithLoss(fake_step):
        def task_loss(self, task, outputs) -> Terms:
            return CrossEntropy(task)(Supposed(self.batch, outputs))

    return WithLoss(
        batch,
        fake_outputs([[[0.0, 0.0]] * 2]),
        view=fake_outputs([[[np.log(3.0), 0.0]] * 2]),
        kinds={"topic": "classify"},
    )


# m = (5/8, 3/8); KL(p || m) = log(4/5)/2 + log(4/3)/2, KL(p' || m) = 3/4 log(6/5) + log(2/3)/4
APART = (np.log(4 / 5) / 2 + np.log(4 / 3) / 2 + 3 / 4 * np.log(6 / 5) + np.log(2 / 3) / 4) / 2


@pytest.mark.parametrize("weight", [1.0, 0.0, 2.5])
def test_by_hand(step, weight):
    """The label's loss on what is left, -log(3/4), plus what the two answers are apart."""
    loss, mask = Cutoff("topic", divergence=weight)(step)
    assert float(loss[0, 0]) == pytest.approx(-np.log(3 / 4) + weight * APART, rel=1e-5)
    np.testing.assert_array_equal(mask, [[1, 0]])


def test_reads_the_second_view_of_a_real_step(bench, batch):
    """Its cross-entropy is that of a batch whose ordinary tokens are the second view's."""
    step = bench.step(batch)
    second = {key: batch[keys.view_key(keys.VIEW, key)] for key in keys.TOKEN_KEYS}
    expected = bench.step({**batch, **second}).outputs
    np.testing.assert_allclose(
        step.second_view().logits["topic"], expected.logits["topic"], atol=1e-6
    )
    assert step.second_view() is step.second_view()
    assert np.abs(step.outputs.logits["topic"] - expected.logits["topic"]).max() > 1e-3
