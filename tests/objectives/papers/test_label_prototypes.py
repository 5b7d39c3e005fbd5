"""Label prototypes on vectors worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import tensorflow as tf

from tfsocial.objectives.papers.label_prototypes import LabelPrototypes
from tfsocial.text import batch as keys


def step(fake_step, fake_outputs, labels):
    """Two texts, one along the first label's name, one between the first and the second."""
    batch = {keys.WEIGHT: tf.ones([1, 2]), keys.label_key("topic"): tf.constant([labels])}
    names = {"topic": tf.constant([[2.0, 0.0], [0.0, 3.0], [-1.0, 0.0]])}
    outputs = fake_outputs(logits=[[[0.0] * 3] * 2], pooled=[[[5.0, 0.0], [1.0, 1.0]]])
    return fake_step(batch, outputs, label_names=names)


def test_by_hand(fake_step, fake_outputs):
    """Cosines (1, 0, -1) and (r, r, -r), r = sqrt(1/2), over 0.5; lengths do not count."""
    loss, mask = LabelPrototypes("topic", 0.5)(step(fake_step, fake_outputs, [0, 1]))
    r = 0.5**0.5
    first = -2 + np.log(np.exp([2, 0, -2]).sum())
    second = -2 * r + np.log(np.exp([2 * r, 2 * r, -2 * r]).sum())
    np.testing.assert_allclose(loss, [[first, second]], rtol=1e-5)
    np.testing.assert_array_equal(mask, [[1, 1]])


def test_needs_a_label(fake_step, fake_outputs):
    """A text without a label has no name to lie near."""
    _, mask = LabelPrototypes("topic")(step(fake_step, fake_outputs, [0, -1]))
    np.testing.assert_array_equal(mask, [[1, 0]])


def test_names_that_say_nothing_are_left_out(fake_step, fake_outputs):
    """Below the bound no text counts, and names are not even read."""
    objective = LabelPrototypes("topic", 0.5, min_name_separation=0.55)
    sees = step(fake_step, fake_outputs, [0, 1])
    loss, mask = objective(replace(sees, separation=0.54, label_names={}))
    np.testing.assert_array_equal(loss, [[0, 0]])
    np.testing.assert_array_equal(mask, [[0, 0]])
    expected, _ = LabelPrototypes("topic", 0.5)(sees)
    np.testing.assert_allclose(objective(replace(sees, separation=0.55)).loss, expected)


def test_names_learn_too(bench, batch):
    """The names are vectors of the encoder that learns: words only they hold get gradients."""
    measured = bench.measure(LabelPrototypes("topic"), batch)
    in_names = bench.names["topic"][keys.TOKEN_IDS].numpy()
    only_in_names = set(in_names.ravel()) - set(batch[keys.TOKEN_IDS].numpy().ravel()) - {0}
    table = next(
        gradient
        for variable, gradient in zip(bench.variables, measured.gradients, strict=True)
        if "word_embeddings" in variable.name
    )
    assert only_in_names
    assert all(np.any(table[word] != 0) for word in only_in_names)
