"""Writes a model for LiteRT: int8 weights, one graph for each of a few lengths."""

from __future__ import annotations

import tempfile
from pathlib import Path

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from tfsocial.checkpoints.model_folder import Answering
from tfsocial.serving import versions
from tfsocial.serving.export.token_graph import TokenModule
from tfsocial.serving.litert import PREFIX

LENGTHS = (8, 16, 24, 32, 64, 128, 256, 512)  # of which a text takes the next


def module(bundle: Answering) -> TokenModule:
    """Make the graphs, up to the length of a row; they share their weights."""
    row_length = bundle.manifest.row_length
    lengths = [*(length for length in LENGTHS if length < row_length), row_length]
    return TokenModule(bundle, {f"{PREFIX}{length}": (1, length) for length in lengths})


def write(module: TokenModule, bundle: Answering, folder: Path) -> None:
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
        content = _slim(converter.convert())
    (folder / versions.GRAPHS["litert"]).write_bytes(content)
    bundle.tokenizer.save(folder)


def _slim(content: bytes) -> bytes:
    """Write each matrix's scales once, not once for each graph, and no names of inner tensors.

    Both are a tenth of a small model.
    """
    model, sharing = schema.ModelT.InitFromPackedBuf(content, 0), _sharing_scales()
    for graph in model.subgraphs:
        public = {*graph.inputs, *graph.outputs}
        for number, tensor in enumerate(graph.tensors):
            tensor.name = tensor.name if number in public else None
            if tensor.quantization is not None:
                tensor.quantization.__class__ = sharing
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _sharing_scales() -> type[schema.QuantizationParametersT]:
    """Make a class of scales that are written where equal ones of it stand already, if they do."""
    written: dict[tuple[object, ...], int] = {}

    class Shared(schema.QuantizationParametersT):
        def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802  what it overrides
            arrays = (self.scale, self.zeroPoint, self.min, self.max)
            content = [None if one is None else np.asarray(one).tobytes() for one in arrays]
            key = (*content, self.quantizedDimension)
            if key not in written:
                written[key] = super().Pack(builder)
            return written[key]

    return Shared
