"""Writes a model for OpenVINO: one graph for batches of any size and length."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tensorflow as tf

from tfsocial.checkpoints.model_folder import Answering
from tfsocial.serving import versions
from tfsocial.serving.export.token_graph import TokenModule
from tfsocial.serving.openvino import library


def module(bundle: Answering) -> TokenModule:
    """Make the graph."""
    return TokenModule(bundle, {"tokens": (None, None)})


def write(module: TokenModule, bundle: Answering, folder: Path) -> None:
    """Write the graph, its weights in float16, and the tokenizer's files.

    A weight's float16 has three bits more than the bfloat16 it is computed in.

    Raises:
        InputError: openvino is not installed.
    """
    openvino = library("--format=openvino")
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(module, scratch, signatures=module.functions)
        # Its own converter, `convert_model`, would report to its makers that it ran.
        graph = openvino.Core().read_model(scratch)
        path = folder / versions.GRAPHS["openvino"]
        openvino.save_model(graph, path, compress_to_fp16=True)
    bundle.tokenizer.save(folder)
