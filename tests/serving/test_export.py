"""The SavedModel: strings in, answers out, in a process that has never heard of tfsocial."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from served_models import served

from tfsocial import api
from tfsocial.checkpoints import community
from tfsocial.data.examples import Examples
from tfsocial.errors import InputError
from tfsocial.serving.export import portable
from tfsocial.serving.loading import load_predictor

TEXTS = ["my card is good thanks", "", "it is late", "good " * 500]
# What the tokenizer brings along; a server needs just these from tensorflow-text.
TEXT_OPS = {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets", "NormalizeUTF8"}
TEXT_OPS |= {"NormalizeUTF8WithOffsetsMap", "RegexSplitWithOffsets"}


CLEAN = """
import json, sys
import tensorflow as tf, tensorflow_text
folder, texts = sys.argv[1], json.loads(sys.argv[2])
signature = tf.saved_model.load(folder).signatures["serving_default"]
answers = signature(text=tf.constant(texts))
modules = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"probabilities": answers["probabilities"].numpy().tolist(), "modules": modules}))
"""


def test_it_loads_without_tfsocial_keras_and_transformers(folders, tmp_path):
    """A clean process with tensorflow and tensorflow_text gives the same numbers."""
    saved_model = folders("classify")[1]
    command = [sys.executable, "-c", CLEAN, str(saved_model), json.dumps(TEXTS)]
    # transformers tells TensorFlow, by this variable, to take tf_keras for its Keras.
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout.splitlines()[-1])
    loaded = {"tfsocial", "tf_keras", "transformers", "safetensors"} & set(found["modules"])
    assert loaded == set()
    here = served(saved_model, text=TEXTS)["probabilities"]
    assert np.abs(np.array(found["probabilities"]) - here).max() < 1e-6


def test_it_runs_in_a_session(folders):
    """A stand-in for TensorFlow Serving, which loads and runs a graph in this way.

    The tag `serve`, tensors found by the names in the signature, Session.run. It is not the
    server: its batching, transports and configuration are not tested here.
    """
    saved_model = folders("three")[1]
    v1 = tf.compat.v1
    with v1.Session(graph=tf.Graph()) as session:
        loaded = v1.saved_model.loader.load(session, ["serve"], str(saved_model))
        signature = loaded.signature_def["serving_default"]
        assert signature.method_name == "tensorflow/serving/predict"
        fetches = {name: info.name for name, info in signature.outputs.items()}
        answers = session.run(fetches, {signature.inputs["text"].name: TEXTS})
    here = served(saved_model, text=TEXTS)
    assert answers.keys() == here.keys()
    for name, value in here.items():
        if value.dtype == object:
            assert answers[name].tolist() == value.tolist()
        else:
            assert np.abs(answers[name] - value).max() < 1e-5


@pytest.mark.parametrize("name", ["three", "pair"])
def test_the_graph_holds_only_what_a_server_has(folders, name):
    """Standard TensorFlow and the tokenizer's ops: no Python, no other library."""
    used = portable.used_ops(portable.read_graph(folders(name)[1]))
    assert not {op for op in used if "PyFunc" in op}
    foreign = {op for op in used if not hasattr(tf.raw_ops, op)}
    assert {op.rpartition(">")[2] for op in foreign} <= TEXT_OPS
    assert foreign, "the tokenizer is part of the graph"


def test_nothing_must_be_compiled(folders):
    """TensorFlow Serving has XLA switched off: a function that insists on it would fail there."""
    graph = portable.read_graph(folders("three")[1])
    assert graph.library.function
    assert portable.compiled_functions(graph) == []


def test_the_mark_of_compilation_would_be_seen(tmp_path):
    """What the test above looks for is what TensorFlow writes."""
    module = tf.Module()
    module.double = tf.function(
        lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)], jit_compile=True
    )
    tf.saved_model.save(module, str(tmp_path))
    (name,) = portable.compiled_functions(portable.read_graph(tmp_path))
    assert "lambda" in name


def test_no_output_is_base64_by_its_name(folders):
    """REST encodes outputs whose names end in _bytes; none may."""
    assert not [name for name in served(folders("three")[1], text=["good"]) if "_bytes" in name]


def test_a_checkpoint_as_it_is_gives_the_vectors_that_it_gives_here(folders, tmp_path):
    """Without a task: vectors of the encoder alone, and the checkpoint's licence."""
    checkpoint = folders("classify")[0]
    version = api.export(None, tmp_path / "served", checkpoint=str(checkpoint))
    predictor = load_predictor(version)
    assert predictor.manifest.tasks == {}
    found = predictor.many([(text,) for text in TEXTS]).embedding
    here = community.of_name(str(checkpoint), "checkpoint").embedder("mean", 128)
    expected = here(Examples.of_texts(TEXTS))
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    assert np.abs(found / lengths - expected).max() < 1e-5
    for model, name in ((None, ""), (checkpoint, str(checkpoint))):
        with pytest.raises(InputError, match="either --model or --checkpoint"):
            api.export(model, tmp_path / "other", checkpoint=name)
