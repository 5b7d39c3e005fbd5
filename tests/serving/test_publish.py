"""What lies beside the graph, and that a version is whole, checked, or not there."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from served_models import loaded, served
from tensorflow_serving.apis import prediction_log_pb2

from tfsocial import files
from tfsocial.errors import InputError
from tfsocial.serving.export import golden, portable, publish, saved_model, warmup
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.signature import read_manifest
from tfsocial.serving.tf_serving import config


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
    model, first = folders("classify")
    assert first.name == "1"
    shutil.copytree(first, tmp_path / "served" / "1")
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
    with pytest.raises(
        InputError, match=r"is a version itself \(saved_model.pb\); name the folder that holds"
    ):
        publish.publish(model, tmp_path / "served" / "10")


def test_what_says_something_else_is_not_published(folders, tmp_path, monkeypatch):
    """Loaded again before it has its name: a graph that answers otherwise is thrown away."""
    model = folders("classify")[0]  # made before it would fail too
    monkeypatch.setattr(
        saved_model, "task_answers", lambda *_: {"probabilities": tf.zeros([len(golden.TEXTS), 3])}
    )
    with pytest.raises(publish.NotPortable, match="differ from the model's by"):
        publish.publish(model, tmp_path / "served")
    assert list((tmp_path / "served").iterdir()) == []


def test_an_op_that_is_not_on_the_list_is_refused(folders, tmp_path, monkeypatch):
    model = folders("classify")[0]  # made before it would fail too
    monkeypatch.setattr(portable, "OPS", portable.OPS - {"TopKV2"})
    with pytest.raises(publish.NotPortable, match=r"older servers may lack: \['TopKV2'\]"):
        publish.publish(model, tmp_path / "served")


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
    assert {size for name, size in seen if name == "serving_default"} == set(config.BATCHES)


def test_an_export_that_fails_leaves_nothing(folders, tmp_path, monkeypatch):
    """A server that watches the folder never sees half a version."""
    model = folders("classify")[0]  # made before it would fail too

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        publish.publish(model, tmp_path / "served")
    assert list((tmp_path / "served").iterdir()) == []


def test_an_export_can_be_read_by_others(folders):
    """A server runs as somebody else."""
    assert folders("classify")[1].stat().st_mode & 0o055 == 0o055


def test_another_saved_model_is_told_apart(tmp_path):
    """A SavedModel of somebody else has no manifest, and is refused with that reason."""
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(InputError, match=r"other: is no model of this version of tfsocial"):
        load_predictor(tmp_path / "other")
