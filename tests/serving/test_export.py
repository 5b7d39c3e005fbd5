"""The SavedModel: strings in, answers out, in a process that has never heard of tfsocial."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import served_models
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from tfsocial import files
from tfsocial.checkpoints.manifest import ModelManifest, of_values, to_values
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.export import golden, module, portable, publish, warmup
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


# --- the signature -----------------------------------------------------------------------


def test_the_signature_of_one_classification(folders):
    """Answers and the embedding; one row a text, whatever the text."""
    answers = served(folders("classify")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "label": (4,), "probabilities": (4, 3), "embedding": (4, 32), "out_of_distribution": (4,),
        "top_labels": (4, 3), "top_probabilities": (4, 3),
    }  # fmt: skip
    assert answers["probabilities"].sum(-1) == pytest.approx(np.ones(4), abs=1e-6)
    names = np.array([b"happy", b"sad", b"neither"])
    order = np.argsort(-answers["probabilities"], -1)
    assert (answers["top_labels"] == names[order]).all()
    assert (answers["label"] == names[order[:, 0]]).all()
    best = np.take_along_axis(answers["probabilities"], order, -1)
    np.testing.assert_array_equal(answers["top_probabilities"], best)
    np.testing.assert_allclose(answers["out_of_distribution"], 1 - best[:, 0], atol=1e-6)
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
        "mood_label": (4,), "mood_probabilities": (4, 3), "mood_out_of_distribution": (4,),
        "mood_top_labels": (4, 3), "mood_top_probabilities": (4, 3),
        "embedding_label": (4,), "embedding_probabilities": (4, 3),
        "embedding_top_labels": (4, 3), "embedding_top_probabilities": (4, 3),
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


# --- export itself -----------------------------------------------------------------------


def test_it_says_what_it_is(folders):
    """The manifest of the model goes along, with all that can be checked by who has the files."""
    model, saved_model = folders("three")
    assert read_manifest(saved_model) == load_predictor(model).manifest
    values = json.loads((saved_model / "manifest.json").read_text("utf-8"))
    there = {str(path.relative_to(saved_model)) for path in saved_model.rglob("*")}
    listed = {name for name in there if (saved_model / name).is_file()} - {"manifest.json"}
    assert values["files"] == {
        name: hashlib.sha256((saved_model / name).read_bytes()).hexdigest() for name in listed
    }
    assert values["licence"]["name"] == "unknown"  # the folder has no card
    assert set(values["weights"]) == {"model.safetensors", "heads.safetensors"}
    assert values["signatures"]["serving_default"]["inputs"] == {"text": ["string", None]}
    assert values["signatures"]["serving_default"]["outputs"]["mood_probabilities"] == [
        *("float32", None, 3)
    ]


def test_the_golden_answers_are_the_models(folders):
    """A stranger can ask what the manifest asks, and compare."""
    model, saved_model = folders("pair")
    values = json.loads((saved_model / "manifest.json").read_text("utf-8"))["golden"]
    requests = [tuple(request) for request in values["requests"]]
    assert requests == golden.requests(load_predictor(model).manifest)
    columns = dict(zip(("text", "text_pair"), map(list, zip(*requests, strict=True)), strict=True))
    answers = served(saved_model, **columns)
    expected = values["answers"]["tasks"]["mood"]
    np.testing.assert_allclose(answers["probabilities"], expected, atol=values["tolerance"])


def test_versions_are_numbered_and_never_overwritten(folders, tmp_path):
    """The next one has the next number; what is being served stays as it is."""
    model = folders("classify")[0]
    assert publish.publish(model, tmp_path / "served").name == "1"
    assert publish.publish(model, tmp_path / "served", 7).name == "7"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "served").rglob("*")}
    with pytest.raises(InputError, match=r"7: exists already"):
        publish.publish(model, tmp_path / "served", 7)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "served").rglob("*")} == before
    (tmp_path / "served" / "notes").mkdir()
    (tmp_path / "served" / "9").mkdir()  # somebody began it
    assert publish.publish(model, tmp_path / "served").name == "10"
    found = load_predictor(tmp_path / "served")
    assert np.isfinite(found([("good",)]).embedding).all()
    with pytest.raises(InputError, match=r"is a SavedModel itself; name the folder that holds"):
        publish.publish(model, tmp_path / "served" / "10")


def test_what_says_something_else_is_not_published(folders, tmp_path, monkeypatch):
    """Loaded again before it has its name: a graph that answers otherwise is thrown away."""
    monkeypatch.setattr(
        module, "task_answers", lambda *_: {"probabilities": tf.zeros([len(golden.TEXTS), 3])}
    )
    with pytest.raises(publish.NotPortable, match="differ from the model's by"):
        publish.publish(folders("classify")[0], tmp_path / "served")
    assert list((tmp_path / "served").iterdir()) == []


def test_an_op_that_is_not_on_the_list_is_refused(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(portable, "OPS", portable.OPS - {"TopKV2"})
    with pytest.raises(publish.NotPortable, match=r"older servers may lack: \['TopKV2'\]"):
        publish.publish(folders("classify")[0], tmp_path / "served")


def test_it_warms_up_with_every_batch_and_length(folders):
    """Each request is one that the model answers: a bad one would keep a server from starting."""
    saved_model = folders("three")[1]
    signatures = loaded(str(saved_model)).signatures
    seen = set()
    for record in tf.data.TFRecordDataset(str(saved_model / warmup.FILE)).as_numpy_iterator():
        log = prediction_log_pb2.PredictionLog.FromString(record)  # the server's own class
        kind = log.WhichOneof("log_type")
        request = getattr(log, kind).request
        name = request.model_spec.signature_name
        if kind == "predict_log":
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        else:
            examples = request.input.example_list.examples
            inputs = {"inputs": np.array([one.SerializeToString() for one in examples])}
        answers = signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        size = len(next(iter(inputs.values())))
        assert {len(value) for value in answers.values()} == {size}
        seen.add((name, size))
    assert {name for name, _ in seen} == set(signatures)
    assert {size for name, size in seen if name == "serving_default"} == set(warmup.BATCHES)


def test_classify_and_regress_take_examples(folders):
    """Serialized tf.Example in; what `serving_default` says, the likeliest label first."""
    saved_model = folders("three")[1]
    signatures = loaded(str(saved_model)).signatures
    texts = ["good", "my order is late"]
    features = [
        tf.train.Features(
            feature={"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[t.encode()]))}
        )
        for t in texts
    ]
    inputs = tf.constant([tf.train.Example(features=one).SerializeToString() for one in features])
    plain = served(saved_model, text=texts)
    answers = signatures["classify_mood"](inputs=inputs)
    np.testing.assert_array_equal(answers["classes"], plain["mood_top_labels"])
    np.testing.assert_allclose(answers["scores"], plain["mood_top_probabilities"], atol=1e-6)
    stars = signatures["regress_stars"](inputs=inputs)["outputs"]
    np.testing.assert_allclose(stars, plain["stars_value"], atol=1e-5)
    vectors = signatures["embed"](text=tf.constant(texts))["embedding"]
    np.testing.assert_allclose(vectors, plain["embedding"], atol=1e-6)


def test_an_export_that_fails_leaves_nothing(folders, tmp_path, monkeypatch):
    """A server that watches the folder never sees half a version."""

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        publish.publish(folders("classify")[0], tmp_path / "served")
    assert list((tmp_path / "served").iterdir()) == []


def test_an_export_can_be_read_by_others(folders):
    """A server runs as somebody else."""
    assert folders("classify")[1].stat().st_mode & 0o055 == 0o055


def test_another_saved_model_is_told_apart(tmp_path):
    """A SavedModel of somebody else has no manifest, and is refused with that reason."""
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(InputError, match=r"other: is not a SavedModel of this version of tfsocial"):
        load_predictor(tmp_path / "other")


def test_labels_are_joined_by_the_tasks_own_separator():
    """It is kept with the model; one that was saved before there was a choice has a bar."""
    tags = HeadSpec("multilabel", ("a|b", "c"), separator="; ")
    values = to_values(ModelManifest({"tags": tags}, "mean", 8, 2, ("text",)))
    found = of_values(json.loads(json.dumps(values)))
    answers = module.task_answers(found, "tags", tf.constant([[0.9, 0.8], [0.1, 0.2]]))
    assert answers["label"].numpy().tolist() == [b"a|b; c", b""]
    del values["tasks"]["tags"]["separator"]
    assert of_values(values).tasks["tags"].separator == "|"
