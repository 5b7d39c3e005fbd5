"""What M0's own task depends on, and the word head it needs; then whole runs with both."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from safetensors.numpy import load_file, save_file

from tfsocial.checkpoints import community, model_folder
from tfsocial.models import parameters
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text import batch as keys
from tfsocial.training.providers import fisher, mlm_head
from tfsocial.training.run_constants import RunConstants
from training.conftest import WORDS, encoder_config

PARTS = keys.WordParts(np.arange(WORDS) < 1, np.zeros(WORDS, bool), mask=1)
HEAD = "cls.predictions.transform.dense.weight"


@pytest.fixture
def text_model():
    model = TextModel(
        encoder_config(dropout=0.0), {"topic": HeadSpec("classify", ("a", "b"))}, "mean", 0, 0, True
    )
    model.build()
    return model


def masking(text_model) -> RunConstants:
    """What a run has made before the Fisher information."""
    return RunConstants(provided={"word_parts": PARTS, "mlm_head": text_model.mlm_logits})


def test_fisher_has_mean_one_and_spares_words_never_read(text_model, batch, endless):
    """Of the word table only rows that a text holds, or that stand in for a hidden word, count.

    The word head reads the whole table, but its rows there are targets: drawn words move them.
    """
    found = fisher.diagonal(text_model, masking(text_model), endless(batch).take(3))
    weights = parameters.of_encoder(text_model.encoder).variables
    assert {name: one.shape for name, one in found.items()} == {
        name: weight.shape for name, weight in weights.items()
    }
    flat = np.concatenate([np.ravel(one) for one in found.values()])
    assert np.all(flat >= 0)
    assert flat.mean() == pytest.approx(1.0, rel=1e-4)
    positions = found["embeddings.position_embeddings.weight"]
    longest = int(tf.reduce_max(batch[keys.POSITION_IDS])) + 1
    assert np.all(np.sum(positions, 1)[:longest] > 0)
    assert np.all(positions[longest:] == 0)


def test_an_mlm_head_is_learned_alone(text_model, batch, endless):
    """The encoder stays; words in their context get likelier."""
    before = [np.array(v) for v in text_model.encoder.variables]
    first = masked_words(text_model, batch)
    mlm_head.learn(text_model, RunConstants(provided={"word_parts": PARTS}), endless(batch))
    assert all(
        np.array_equal(*pair)
        for pair in zip(before, [np.array(v) for v in text_model.encoder.variables], strict=True)
    )
    assert masked_words(text_model, batch) < first - 0.2


def masked_words(text_model: TextModel, batch) -> float:
    """Mean of -log p of the words that stand where they stand."""
    logits = text_model.mlm_logits(text_model(batch).hidden)
    loss = tf.nn.sparse_softmax_cross_entropy_with_logits(batch[keys.TOKEN_IDS], logits)
    return float(tf.reduce_mean(loss[batch[keys.SEGMENT_IDS] > 0]))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A run with masked-LM and EWC in its formula, on an M0 without a word head."""
    folder = tmp_path_factory.mktemp("pretrained")
    objectives = {"community": {"masked_lm": {"weight": 1.0}, "ewc": {"weight": 0.1}}}
    moods = tiny_run.write_moods(folder / "data")
    tiny_run.train(tiny_run.settings(moods, objectives=objectives), folder / "run")
    return moods, folder / "run"


def test_the_mlm_head_is_saved_as_the_community_names_it(pretrained):
    """Over the whole vocabulary, so that BertForMaskedLM finds all of it, the encoder too."""
    _, run = pretrained
    values = json.loads((run / "model" / "config.json").read_text("utf-8"))
    assert values["architectures"] == ["BertForMaskedLM"]
    tensors = load_file(run / "model" / "model.safetensors")
    words = len(tiny_run.SPECIALS) + len(tiny_run.WORDS)
    assert tensors["cls.predictions.bias"].shape == (words,)
    assert tensors[HEAD].shape == (32, 32)
    assert np.any(tensors["cls.predictions.bias"] != 0)


def test_half_an_mlm_head_is_none(pretrained, tmp_path):
    """A checkpoint that lost a tensor of it gets a new one, and no mixture."""
    _, run = pretrained
    tensors = load_file(run / "model" / "model.safetensors")
    model = model_folder.load(run / "model").model
    del tensors["cls.predictions.bias"]
    leftovers = {name: array for name, array in tensors.items() if name.startswith("cls.")}
    save_file(leftovers, tmp_path / "half.safetensors")
    twin = TextModel(model.encoder.config, model.specs, model.pooling, mlm_head=True)
    twin.build()
    before = [np.array(v) for v in twin.mlm_head.variables]
    words = np.arange(len(tensors["bert.embeddings.word_embeddings.weight"]))
    found, kept = community.take_mlm_head(twin.mlm_head, leftovers, words, "half")
    assert not found
    assert kept.keys() == leftovers.keys()
    after = [np.array(v) for v in twin.mlm_head.variables]
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
