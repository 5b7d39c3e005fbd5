"""Fisher information and Gram matrices against what is computed example by example."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.checkpoints import model_folder
from tfsocial.composition import fitting, heads, measuring, parents
from tfsocial.models import parameters
from tfsocial.text import batch as keys


@pytest.fixture(scope="module")
def first(runs):
    """The first run's model and its data."""
    run = parents.read(runs.first, 1.0)
    data = fitting.load_data(run, heads.plan([run], "own"))
    return model_folder.load(run.model).model, data


def test_grams_are_those_of_real_tokens(first):
    """Query, key and value of the first layer read the embeddings, computed here apart."""
    text_model, data = first
    batches = list(data.batches("train"))
    found = measuring.grams(text_model, batches)
    encoder = text_model.encoder
    assert len(found) == 6 * encoder.config.num_hidden_layers
    read = []
    for batch in batches:
        embedded = encoder.bert.embeddings(
            input_ids=None,
            inputs_embeds=encoder.words(batch),
            position_ids=batch[keys.POSITION_IDS],
            token_type_ids=batch[keys.TYPE_IDS],
        )
        read.append(embedded.numpy()[batch[keys.SEGMENT_IDS].numpy() > 0])
    x = np.concatenate(read)
    expected = x.T @ x / len(x)
    for part in ("query", "key", "value"):
        name = f"encoder.layer.0.attention.self.{part}.weight"
        np.testing.assert_allclose(found[name], expected, atol=1e-4)


def test_padding_is_not_read(first):
    """Rows of padding alone change no Gram matrix."""
    text_model, data = first
    batch = next(iter(data.batches("train")))
    padded = {key: tf.concat([value, tf.zeros_like(value)], 0) for key, value in batch.items()}
    one, other = (measuring.grams(text_model, [some]) for some in (batch, padded))
    for name, gram in one.items():
        np.testing.assert_allclose(other[name], gram, atol=1e-5)


def test_fisher_is_the_mean_of_exact_squares(first):
    """sum_y p(y|x) (d log p(y|x))^2, each example alone, over the mean of all numbers.

    Drawn labels come near it: 64 draws of 16 examples.
    """
    text_model, data = first
    weights = parameters.of_encoder(text_model.encoder).of("backbone")
    batch = next(iter(data.batches("train")))
    exact = {name: np.zeros(weight.variable.shape) for name, weight in weights.items()}
    variables = [*weights.variables.values()]
    for row, slot in np.argwhere(batch[keys.WEIGHT].numpy() > 0):
        for label in range(2):
            with tf.GradientTape() as tape:
                logits = text_model(batch).logits["mood"][row, slot]
                score = tf.nn.log_softmax(logits)[label]
            chance = np.exp(score.numpy())
            for name, gradient in zip(exact, tape.gradient(score, variables), strict=True):
                if gradient is not None:
                    exact[name] += chance * np.square(tf.convert_to_tensor(gradient).numpy())
    mean = sum(one.sum() for one in exact.values()) / sum(one.size for one in exact.values())
    found = measuring.fisher(text_model, [batch] * 64)
    for name, square in exact.items():
        expected = (square.T if weights[name].transposed else square) / mean
        assert found[name].shape == expected.shape
        if expected.sum() > 1e-3 * expected.size:  # those that matter
            assert np.corrcoef(found[name].ravel(), expected.ravel())[0, 1] > 0.9, name
            assert found[name].mean() == pytest.approx(expected.mean(), rel=0.3), name
