"""Token-level contrast worked by hand, and against loops."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives.contract import LabelTokens
from tfsocial.objectives.papers.fast_fit import FastFit
from tfsocial.text import batch as keys


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Mean over the tokens of one of the highest cosine with a token of the other."""
    units = [each / np.linalg.norm(each, axis=-1, keepdims=True) for each in (one, other)]
    return float((units[0] @ units[1].T).max(1).mean())


@pytest.fixture
def step(fake_step, fake_outputs):
    """`step(texts, labels, names)`: one row that holds all texts, names in a row each."""

    def make(texts, labels, names):
        segments = [number for number, text in enumerate(texts, 1) for _ in text]
        states = np.concatenate([*texts, np.full([2, texts[0].shape[1]], 9.0)]).astype(np.float32)
        slots = len(texts)
        longest = max(map(len, names))
        padded = [np.pad(name, [[0, longest - len(name)], [0, 0]]) for name in names]
        known = LabelTokens(
            tf.constant(np.stack(padded), tf.float32),
            tf.constant([[1] * len(name) + [0] * (longest - len(name)) for name in names]),
            1,
            [(row, 0) for row in range(len(names))],
        )
        return fake_step(
            {
                keys.WEIGHT: tf.ones([1, slots]),
                keys.EXAMPLE_ID: tf.range(slots, dtype=tf.int64)[tf.newaxis],
                keys.SEGMENT_IDS: tf.constant([[*segments, 0, 0]]),
                keys.label_key("topic"): tf.constant([labels], tf.int32),
            },
            fake_outputs()._replace(hidden=tf.constant(states[np.newaxis])),
            tokens_of_names=known,
        )

    return make


def test_by_hand(step):
    """One text lies on its own name and apart from the other's: softmax of 1/t and 0."""
    right, up = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    loss, mask = FastFit("topic", temperature=0.5)(step([2 * right], [0], [right, up]))
    assert float(loss[0, 0]) == pytest.approx(np.log(1 + np.exp(-2)), abs=1e-6)
    assert mask.numpy().tolist() == [[1]]


def test_against_loops(step):
    """Texts and names of different lengths; an example without a label is no anchor."""
    random = np.random.default_rng(0)
    texts = [random.normal(size=(length, 4)) for length in (2, 3, 1, 4)]
    names = [random.normal(size=(length, 4)) for length in (1, 3)]
    labels, temperature = [0, 1, 0, -1], 0.3
    loss, mask = FastFit("topic", temperature)(step(texts, labels, names))
    assert mask.numpy().tolist() == [[1, 1, 1, 0]]
    others = [*zip(texts, labels, strict=True), (names[0], 0), (names[1], 1)]
    for anchor in range(3):
        # Whoever has no label is no candidate.
        candidates = [
            (np.exp(similarity(texts[anchor], tokens) / temperature), label)
            for place, (tokens, label) in enumerate(others)
            if place != anchor and label >= 0
        ]
        total = sum(power for power, _ in candidates)
        positive = [np.log(power / total) for power, label in candidates if label == labels[anchor]]
        assert float(loss[0, anchor]) == pytest.approx(-np.mean(positive), rel=1e-5)
