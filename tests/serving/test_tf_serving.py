"""Clients and files of TensorFlow Serving: its classes are the oracle, a stand-in the server."""

from __future__ import annotations

import contextlib
from pathlib import Path

import grpc
import numpy as np
import pytest
import stand_in
import tensorflow as tf
import yaml
from google.protobuf import text_format
from tensorflow_serving.apis import classification_pb2, predict_pb2, prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from tfsocial import __main__
from tfsocial.errors import InputError
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.tf_serving import client, config, messages

DEPLOY = Path(__file__).parents[2] / "deploy"
TEXTS = [("my card is good",), ("",), ("it is late",)]


# --- messages ----------------------------------------------------------------------------


def test_a_request_is_the_servers_byte_for_byte():
    """Read by the real class, and the same bytes as it writes."""
    columns = {"text": ["where?", "卡"], "text_pair": ["", "x"]}
    own = client.predict_request("tickets", columns, ["embedding"], "stable")
    real = predict_pb2.PredictRequest.FromString(own.SerializeToString())
    assert (real.model_spec.name, real.model_spec.version_label) == ("tickets", "stable")
    assert list(real.output_filter) == ["embedding"]
    for column, texts in columns.items():
        expected = [text.encode() for text in texts]
        assert tf.make_ndarray(real.inputs[column]).tolist() == expected
    assert messages.PredictRequest.FromString(real.SerializeToString()) == own
    assert real.SerializeToString(deterministic=True) == own.SerializeToString(deterministic=True)


def test_logs_are_the_servers():
    """Those of warm-up requests: the numbers of the three kinds."""
    log = messages.PredictionLog()
    log.classify_log.request.model_spec.signature_name = "classify"
    example = log.classify_log.request.input.example_list.examples.add()
    example.features.feature["text"].bytes_list.value.append(b"a")
    real = prediction_log_pb2.PredictionLog.FromString(log.SerializeToString())
    assert real.WhichOneof("log_type") == "classify_log"
    expected = classification_pb2.ClassificationRequest()
    expected.model_spec.signature_name = "classify"
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a"]))
    features = tf.train.Features(feature={"text": feature})
    expected.input.example_list.examples.add().CopyFrom(tf.train.Example(features=features))
    assert real.classify_log.request == expected


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.ones([4, 5], np.float32),
        np.zeros([0, 3], np.float32),
        np.float32([0.25]),
    ],
)
def test_tensors_are_read_in_each_form(array):
    """As TensorFlow packs them, one number for a run of equal ones, or number by number."""
    packed = messages.Tensor.FromString(tf.make_tensor_proto(array).SerializeToString())
    np.testing.assert_array_equal(client.of_tensor(packed), array)
    proto = tf.make_tensor_proto(array)
    proto.tensor_content = b""
    proto.float_val[:] = array.ravel().tolist()
    listed = messages.Tensor.FromString(proto.SerializeToString())
    np.testing.assert_array_equal(client.of_tensor(listed), array)


# --- clients -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(folders):
    """The SavedModel of three tasks, and the stand-in's session of it."""
    saved_model = folders("three")[1]
    return saved_model, stand_in.Session(saved_model)


@pytest.fixture(scope="module")
def rest(served):
    """(client, statuses to come)."""
    with stand_in.rest_server("tickets", served[1]) as (url, failing):
        yield client.RestPredictor(f"{url}/labels/stable", served[0]), failing


@pytest.fixture(scope="module")
def rpc(served):
    """(client, servicer)."""
    with stand_in.grpc_server("tickets", served[1]) as (address, servicer):
        yield client.GrpcPredictor(address, "tickets", served[0], "stable"), servicer


@pytest.mark.parametrize("which", ["rest", "rpc"])
def test_both_ways_give_the_numbers_of_the_model(served, which, request):
    remote = request.getfixturevalue(which)[0]
    own, found = load_predictor(served[0])(TEXTS), remote(TEXTS)
    assert found.tasks.keys() == own.tasks.keys()
    for task, values in own.tasks.items():
        np.testing.assert_allclose(found.tasks[task], values, atol=1e-5)
    np.testing.assert_allclose(found.embedding, own.embedding, atol=1e-5)
    assert remote.predict(["my card is good"], top=1)[0]["mood"].keys() == {
        *("label", "probabilities")
    }


def test_the_version_is_asked_for_by_its_label(rpc):
    remote, servicer = rpc
    remote(TEXTS)
    assert servicer.specs[-1].version_label == "stable"


@contextlib.contextmanager
def waiting_nothing(monkeypatch):
    monkeypatch.setattr(client.RestPredictor._ask.retry, "sleep", lambda _: None)
    monkeypatch.setattr(client.GrpcPredictor._ask.retry, "sleep", lambda _: None)
    yield


def test_a_server_that_sheds_load_is_asked_again(rest, rpc, monkeypatch):
    """A few times; then the caller is told what the server said."""
    with waiting_nothing(monkeypatch):
        rest[1].extend([503, 429])
        assert len(rest[0](TEXTS).embedding) == len(TEXTS)
        rpc[1].failing.extend([grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
        assert len(rpc[0](TEXTS).embedding) == len(TEXTS)
        rest[1].extend([503] * client.ATTEMPTS)
        with pytest.raises(client.Overloaded, match="the queue is full"):
            rest[0](TEXTS)
        rpc[1].failing.extend([grpc.StatusCode.UNAVAILABLE] * client.ATTEMPTS)
        with pytest.raises(client.Overloaded, match="the queue is full"):
            rpc[0](TEXTS)


def test_what_the_server_refuses_is_said(served, rest, rpc):
    """In its words, with its address; not asked again."""
    elsewhere = client.RestPredictor(rest[0].url.replace("tickets", "others"), served[0])
    with pytest.raises(InputError, match="answers 404, Servable not found"):
        elsewhere(TEXTS)
    other = client.GrpcPredictor(rpc[0].address, "others", served[0])
    with pytest.raises(InputError, match="answers NOT_FOUND, Servable not found"):
        other(TEXTS)
    nobody = client.RestPredictor("http://127.0.0.1:9/v1/models/tickets", served[0])
    with pytest.raises(InputError, match="cannot be reached"):
        nobody(TEXTS)


# --- files -------------------------------------------------------------------------------


def test_the_server_reads_the_model_config():
    """By its own class: names with quotes, versions and labels."""
    text = config.models_config('a "b"', "/models/a", {"stable": 3, "canary": 4, "old": 3})
    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    (model,) = parsed.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        'a "b"',
        "/models/a",
        "tensorflow",
    )
    assert list(model.model_version_policy.specific.versions) == [3, 4]
    assert dict(model.version_labels) == {"stable": 3, "canary": 4, "old": 3}


def test_batches_are_those_of_the_warm_up():
    lines = config.batching_config(threads=2).splitlines()
    assert "max_batch_size { value: 32 }" in lines
    assert "num_batch_threads { value: 2 }" in lines
    allowed = [int(line.split()[-1]) for line in lines if line.startswith("allowed")]
    assert tuple(allowed) == config.BATCHES  # the last one is the largest, as the server demands
    assert allowed[-1] == max(allowed)


def test_the_command_writes_all_three(served, tmp_path, capsys):
    base, output = served[0].parent, tmp_path / "serving"
    flags = ["tf-serving", f"--model={base}", f"--output={output}", "--name=tickets", "--bfloat16"]
    assert __main__.main(flags) == 0
    assert {path.name for path in output.iterdir()} == {
        *("models.config", "batching.config", "monitoring.config")
    }
    said = capsys.readouterr().out
    assert "--mixed_precision=bfloat16" in said
    assert f"--model_config_file={output}/models.config" in said
    text = (output / "models.config").read_text("utf-8")
    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    assert dict(parsed.model_config_list.config[0].version_labels) == {"stable": 1}


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--canary=7", "has no version 7 for canary; it has 1"),
        ("--stable=2", "has no version 2 for stable; it has 1"),
        ("--model=EMPTY", "holds no version; tfsocial export writes one"),
    ],
)
def test_versions_that_are_not_there_are_named(served, tmp_path, capsys, flag, said):
    flag = flag.replace("EMPTY", str(tmp_path))
    flags = ["tf-serving", f"--model={served[0].parent}", f"--output={tmp_path / 'o'}", flag]
    assert __main__.main(flags) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_label_that_the_server_would_refuse_is_refused(served, tmp_path):
    with pytest.raises(InputError, match="letters, digits and _ alone"):
        config.write(served[0].parent, tmp_path, "tickets", {"a-b": 1}, "/models/tickets", 2)


# --- deploy/ -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deployment() -> dict:
    """The manifest of the pods."""
    return yaml.safe_load((DEPLOY / "kubernetes" / "base" / "deployment.yaml").read_text("utf-8"))


def test_the_files_of_the_example_are_those_of_the_command():
    """Both say what a model called tickets needs."""
    base = DEPLOY / "kubernetes" / "base"
    example = {path.name: path.read_text("utf-8") for path in base.glob("*.config")}
    models = config.models_config("tickets", "/models/tickets", {"stable": 1})
    assert example == {
        config.MODELS: models + "\n",
        config.BATCHING: config.batching_config(2) + "\n",
        config.MONITORING: config.monitoring_config() + "\n",
    }
    canary = DEPLOY / "kubernetes" / "overlays" / "canary" / config.MODELS
    labels = {"stable": 1, "canary": 2}
    expected = config.models_config("tickets", "/models/tickets", labels) + "\n"
    assert canary.read_text("utf-8") == expected


def test_servers_are_started_as_the_command_says(deployment):
    """In both ways of deploying one: every flag."""
    program, *flags = config.command("/config", False, 2)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == [program]
    assert set(flags) <= set(container["args"])
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    service = compose["services"]["tf-serving"]
    assert (service["entrypoint"], set(service["command"])) == ([program], set(flags))


def test_a_pod_has_time_to_end_what_it_began(deployment):
    """The wait before the end is shorter than the time after which it is killed."""
    pod = deployment["spec"]["template"]["spec"]
    wait = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert wait < pod["terminationGracePeriodSeconds"]
