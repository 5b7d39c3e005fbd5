"""A step so plain that worst directions are known: logits (0, w . sum of the word vectors)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.models.text_model import Outputs
from tfsocial.objectives.contract import Terms
from tfsocial.objectives.task.classify import CrossEntropy
from tfsocial.text import batch as keys

W = np.array([3.0, -4.0], np.float32)  # of length 5, absolute sum 7


@dataclass
class LinearStep:
    """Two texts of two tokens in one row of five positions; labels 0 and 1; no dropout.

    The vectors sum up so that w . x is 1 for the first text and -1 for the second. For label 0
    uphill is along w, for label 1 against it: with a perturbation of length e spread over two
    tokens, w . x moves by e * |w| * sqrt(2).
    """

    deltas: list[np.ndarray] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=lambda: {"topic": "classify"})

    def __post_init__(self):
        self.batch = {
            keys.SEGMENT_IDS: tf.constant([[1, 1, 2, 2, 0]]),
            keys.EXAMPLE_ID: tf.constant([[0, 1]], tf.int64),
            keys.WEIGHT: tf.ones([1, 2]),
            keys.label_key("topic"): tf.constant([[0, 1]]),
        }
        words = [[0.5, 0.5], [0.5, 0.0], [-0.5, -0.5], [0.5, 0.5], [9.0, 9.0]]
        words[1][1] = (3 * 1.0 - 1.0) / 4 - 0.5  # w . (1, y) = 1
        words[3] = [0.5 - 1 / 3, 0.5]  # w . (-1/3, 0) = -1
        self.words = tf.constant([words])

    @property
    def outputs(self) -> Outputs:
        return self._read(self.words)

    def perturbed(self, delta: tf.Tensor) -> Outputs:
        self.deltas.append(delta.numpy())
        return self._read(self.words + delta)

    def embedding_gradient(self, task: str) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(self.words)
            loss = tf.reduce_sum(self.task_loss(task, self._read(self.words)).loss)
        return tape.gradient(loss, self.words)

    def task_loss(self, task: str, outputs: Outputs, labels=None) -> Terms:
        key = keys.label_key(task)
        batch = self.batch if labels is None else {**self.batch, key: labels}
        return CrossEntropy(task)(Supposed(batch, outputs))

    def noise(self) -> tf.Tensor:
        """Along (1, 1), so w . noise < 0 everywhere."""
        return tf.ones_like(self.words)

    def frozen(self, values: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(values)

    def _read(self, words: tf.Tensor) -> Outputs:
        member = tf.one_hot(self.batch[keys.SEGMENT_IDS] - 1, 2, axis=1)
        scores = tf.matmul(member, words) @ W[:, None]
        return Outputs(None, None, {"topic": tf.concat([tf.zeros_like(scores), scores], -1)})


@dataclass(frozen=True)
class Supposed:
    """What a task's loss reads of a step."""

    batch: dict
    outputs: Outputs


@pytest.fixture
def linear() -> LinearStep:
    return LinearStep()
