"""Writes a model for LiteRT: int8 weights, one graph for each of a few lengths."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tensorflow as tf

from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.serving import versions
from tfsocial.serving.export.token_graph import TokenModule
from tfsocial.serving.litert import PREFIX

# Of which a text takes the next. Each graph has its own copy of all scales, a tenth of a megabyte.
LENGTHS = (8, 16, 24, 32, 48, 64, 128, 256, 512)


def module(bundle: TextModelBundle) -> TokenModule:
    """Make the graphs, up to the length of a row; they share their weights."""
    row_length = bundle.manifest.row_length
    lengths = [*(length for length in LENGTHS if length < row_length), row_length]
    return TokenModule(bundle, {f"{PREFIX}{length}": (1, length) for length in lengths})


def write(module: TokenModule, bundle: TextModelBundle, folder: Path) -> None:
    """Write the file and the tokenizer's.

    Weights are int8, one scale for each row of a matrix; activations are rounded to int8 where two
    are multiplied, with the scale that each needs, so no calibration data is asked for (dynamic
    range quantization).
    """
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(module, scratch, signatures=module.functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            scratch, signature_keys=list(module.functions)
        )
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        (folder / versions.GRAPHS["litert"]).write_bytes(converter.convert())
    bundle.tokenizer.save(folder)
