"""Steps that terms of L0 are worked out on by hand."""

from __future__ import annotations

import tf_keras as keras

from tfsocial.models.encoder import PackedBert
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.models.tf_transformers import BertConfig
from tfsocial.training.run_constants import RunConstants


def models(pooling: str) -> tuple[TextModel, PackedBert]:
    """A text model and an M0 of the same shape with other weights."""
    keras.utils.set_random_seed(11)
    config = BertConfig(
        vocab_size=40,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=20,
        initializer_range=0.2,
    )
    text_model = TextModel(config, {"topic": HeadSpec("classify", ("a", "b"))}, pooling)
    m0 = PackedBert(config, pooler=pooling == "pooler", name="m0")
    text_model.build()
    m0.build()
    return text_model, m0


def reading(m0) -> RunConstants:
    """Constants of a run whose terms read M0."""
    return RunConstants(provided={"m0": m0})
