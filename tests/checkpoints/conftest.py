"""A checkpoint of random weights, and a model saved from such."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.model_folder import TextModelBundle

from .m0_folders import (
    bert_shapes,
    fresh,
    manifest_of,
)


@pytest.fixture
def tensors(tiny_config):
    """Random weights under the community's names."""
    source = np.random.default_rng(5)
    return {
        name: source.normal(scale=0.3, size=shape).astype(np.float32)
        for name, shape in bert_shapes(tiny_config).items()
    }


@pytest.fixture
def m0(tmp_path, tiny_config, tokenizer, tensors):
    """A folder as the community shares one, with the leftovers old releases have."""
    folder = tmp_path / "m0"
    tokenizer.save(folder)
    (folder / "config.json").write_text(tiny_config.to_json_string(use_diff=False))
    positions = {"embeddings.position_ids": np.arange(64)[None]}
    save_file(tensors | positions, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def saved(tmp_path, tiny_config, tokenizer, randomize):
    """A saved model to be broken."""
    model_folder.save(
        tmp_path / "saved", TextModelBundle(fresh(tiny_config, randomize), tokenizer, manifest_of())
    )
    return tmp_path / "saved"
