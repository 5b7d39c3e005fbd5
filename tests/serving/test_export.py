"""The SavedModel: strings in, answers out, in a process that has never heard of tfsocial."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import served_models
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfsocial import files
from tfsocial.checkpoints.manifest import ModelManifest, of_values, to_values
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.serving import export
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.saved_model import read_manifest

TEXTS = ["my card is good thanks", "", "it is late", "good " * 500]
# What the tokenizer brings along; a server needs just these from tensorflow-text.
TEXT_OPS = {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets", "NormalizeUTF8"}
TEXT_OPS |= {"NormalizeUTF8WithOffsetsMap", "RegexSplitWithOffsets"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`folders(name)`: the model folder and the SavedModel of one of `served_models.MODELS`."""
    return lambda name: served_models.of(name, tmp_path_factory)


loaded = functools.cache(tf.saved_model.load)  # once for all tests


def served(saved_model: Path, **columns: list[str]) -> dict[str, np.ndarray]:
    """Outputs of the SavedModel's signature."""
    signature = loaded(str(saved_model)).signatures["serving_default"]
    answers = signature(**{name: tf.constant(texts) for name, texts in columns.items()})
    return {name: value.numpy() for name, value in answers.items()}


def graph_of(saved_model: Path):
    """The GraphDef of a SavedModel."""
    content = (saved_model / "saved_model.pb").read_bytes()
    return saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def


# --- the signature -----------------------------------------------------------------------


def test_the_signature_of_one_classification(folders):
    """label, probabilities, embedding; one row a text, whatever the text."""
    answers = served(folders("classify")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "label": (4,), "probabilities": (4, 3), "embedding": (4, 32),
    }  # fmt: skip
    assert answers["probabilities"].sum(-1) == pytest.approx(np.ones(4), abs=1e-6)
    names = np.array([b"happy", b"sad", b"neither"])
    assert (answers["label"] == names[answers["probabilities"].argmax(-1)]).all()
    assert np.isfinite(answers["embedding"]).all()


def test_the_signature_of_a_regression(folders):
    """A value instead of labels."""
    answers = served(folders("regress")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "value": (4,), "embedding": (4, 32),
    }  # fmt: skip


def test_the_signature_of_several_tasks(folders):
    """Each task's outputs carry its name; the embedding is all tasks' own."""
    answers = served(folders("three")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "mood_label": (4,), "mood_probabilities": (4, 3),
        "embedding_label": (4,), "embedding_probabilities": (4, 3),
        "stars_value": (4,), "embedding": (4, 32),
    }  # fmt: skip


def test_labels_of_a_multilabel_task_reach_their_thresholds(folders):
    """card counts from 0 on, order never, thanks from 0.5 on; joined by | in label order."""
    answers = served(folders("three")[1], text=["good", "bad", "late", "my order", "it is"])
    thanks = answers["embedding_probabilities"][:, 2] >= 0.5
    expected = [b"card|thanks" if found else b"card" for found in thanks]
    assert answers["embedding_label"].tolist() == expected


def test_no_threshold_means_one_half(folders):
    """A model that was never tuned: what is likelier than not."""
    answers = served(folders("multilabel")[1], text=["good", "bad", "late", "my order"])
    names = np.array(["card", "order", "thanks"])
    expected = ["|".join(names[row >= 0.5]).encode() for row in answers["probabilities"]]
    assert answers["label"].tolist() == expected


def test_a_pair_has_two_inputs(folders):
    """Both count, and which comes first counts."""
    saved_model = folders("pair")[1]
    answer = served(saved_model, text=["good"], text_pair=["late"])["embedding"]
    other = served(saved_model, text=["good"], text_pair=["card"])["embedding"]
    turned = served(saved_model, text=["late"], text_pair=["good"])["embedding"]
    assert np.abs(answer - other).max() > 1e-3
    assert np.abs(answer - turned).max() > 1e-3


def test_a_text_is_answered_as_it_would_be_alone(folders):
    """Neither the number of texts nor their neighbours in a packed row change an answer."""
    saved_model = folders("classify")[1]
    together = served(saved_model, text=TEXTS * 10)
    for number, text in enumerate(TEXTS):
        alone = served(saved_model, text=[text])
        for name in ("probabilities", "embedding"):
            assert np.abs(together[name][number::4] - alone[name]).max() < 1e-5


def test_no_text_at_all_has_no_answers(folders):
    """A batch of none is a batch: [0, ...] comes back and nothing fails."""
    answers = served(folders("classify")[1], text=np.array([], np.str_))
    assert (answers["label"].shape, answers["probabilities"].shape) == ((0,), (0, 3))


def test_a_long_text_is_cut_to_the_row(folders):
    """Rows have 16 tokens: of 500 words the first 14 count."""
    answers = served(folders("classify")[1], text=["good " * 500, "good " * 14, "good " * 13])
    first, same, shorter = answers["embedding"]
    assert np.abs(first - same).max() < 1e-5
    assert np.abs(first - shorter).max() > 1e-5


@pytest.mark.parametrize("text", [b"caf\xe9 \xff good", "\0 good", "\u202e good", "🙂" * 50])
def test_no_string_breaks_a_server(folders, text):
    """Whatever bytes somebody sends, the answer is finite."""
    answers = served(folders("classify")[1], text=[text, "good"])
    assert np.isfinite(answers["probabilities"]).all()


# --- where it can be loaded --------------------------------------------------------------

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
    graph = graph_of(folders(name)[1])
    functions = {function.signature.name for function in graph.library.function}
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    used = {node.op for body in bodies for node in body}
    assert not {op for op in used if "PyFunc" in op}
    foreign = {op for op in used - functions if not hasattr(tf.raw_ops, op)}
    assert {op.rpartition(">")[2] for op in foreign} <= TEXT_OPS
    assert foreign, "the tokenizer is part of the graph"


def test_nothing_must_be_compiled(folders):
    """TensorFlow Serving has XLA switched off: a function that insists on it would fail there."""
    functions = graph_of(folders("three")[1]).library.function
    assert functions
    assert not [
        function.signature.name
        for function in functions
        if "_XlaMustCompile" in function.attr and function.attr["_XlaMustCompile"].b
    ]


def test_the_mark_of_compilation_would_be_seen(tmp_path):
    """What the test above looks for is what TensorFlow writes."""
    module = tf.Module()
    module.double = tf.function(
        lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32)], jit_compile=True
    )
    tf.saved_model.save(module, str(tmp_path))
    functions = graph_of(tmp_path).library.function
    assert [f for f in functions if "_XlaMustCompile" in f.attr and f.attr["_XlaMustCompile"].b]


def test_no_output_is_base64_by_its_name(folders):
    """REST encodes outputs whose names end in _bytes; none may."""
    assert not [name for name in served(folders("three")[1], text=["good"]) if "_bytes" in name]


# --- export itself -----------------------------------------------------------------------


def test_it_says_what_it_is(folders):
    """The manifest of the model folder goes along, as served files do: in assets.extra."""
    model, saved_model = folders("three")
    assert (saved_model / "assets.extra" / "tfsocial.json").is_file()
    assert read_manifest(saved_model) == load_predictor(model).manifest


def test_a_version_is_never_overwritten(folders, tmp_path):
    """What is being served stays as it is."""
    (tmp_path / "1").mkdir()
    with pytest.raises(InputError, match=r"1: exists already"):
        export.export(folders("classify")[0], tmp_path / "1")
    assert list((tmp_path / "1").iterdir()) == []


def test_an_export_that_fails_leaves_nothing(folders, tmp_path, monkeypatch):
    """A server that watches the folder never sees half a version."""

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        export.export(folders("classify")[0], tmp_path / "1")
    assert list(tmp_path.iterdir()) == []


def test_an_export_can_be_read_by_others(folders):
    """A server runs as somebody else."""
    assert folders("classify")[1].stat().st_mode & 0o055 == 0o055


def test_another_saved_model_is_told_apart(tmp_path):
    """A SavedModel of somebody else has no manifest, and is refused with that reason."""
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(InputError, match=r"other: is not a SavedModel of tfsocial"):
        load_predictor(tmp_path / "other")


def test_labels_are_joined_by_the_tasks_own_separator():
    """It is kept with the model; one that was saved before there was a choice has a bar."""
    tags = HeadSpec("multilabel", ("a|b", "c"), separator="; ")
    values = to_values(ModelManifest({"tags": tags}, "mean", 8, 2, ("text",)))
    found = of_values(json.loads(json.dumps(values)))
    answers = export._answers(found, "tags", tf.constant([[0.9, 0.8], [0.1, 0.2]]))
    assert answers["label"].numpy().tolist() == [b"a|b; c", b""]
    del values["tasks"]["tags"]["separator"]
    assert of_values(values).tasks["tags"].separator == "|"
