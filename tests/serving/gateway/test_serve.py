"""`tfsocial serve` as a user starts it, before a real SavedModel in a worker of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from gateways import READY, Served, start

from tfsocial.serving.loading import load_predictor
from tfsocial.serving.open_inference import messages as v2
from tfsocial.serving.open_inference import strings
from tfsocial.serving.tf_serving import messages as tf_serving
from tfsocial.serving.tf_serving.client import of_tensor, predict_request

TEXTS = ["my card is good", "", "it is late", "我的卡在哪里", "good " * 40]
ONE = {"texts": ["it is late"]}


@pytest.fixture(scope="module")
def saved_model(folders) -> Path:
    return folders("classify")[1]


@pytest.fixture(scope="module")
def served(saved_model, tmp_path_factory):
    """A gateway whose model, mood, all tests here ask."""
    found = start(
        tmp_path_factory.mktemp("gateway") / "state", f"--model=mood={saved_model.parent}"
    )
    yield found
    found.process.kill()
    found.process.wait()


@pytest.fixture(scope="module")
def own(saved_model):
    """What the SavedModel says itself."""
    return load_predictor(saved_model)


def call(served: Served, service: str, method: str, request, response):
    """Calls a method over gRPC with the key."""
    with grpc.insecure_channel(served.grpc) as channel:
        asked = channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=response.FromString,
        )
        return asked(request, metadata=[("authorization", f"Bearer {served.key}")], timeout=60)


# --- the same numbers in every dialect -------------------------------------------------------


def test_plain(served, own):
    said = served.classify(TEXTS, top=0).json()
    expected = own.predict(TEXTS)
    for one, other in zip(said["answers"], expected, strict=True):
        assert one["mood"]["label"] == other["mood"]["label"]
        for label, probability in other["mood"]["probabilities"].items():
            assert one["mood"]["probabilities"][label] == pytest.approx(probability, abs=1e-5)


def test_v2_over_grpc(served, own, saved_model):
    """Contents as bytes or raw, answers raw; all outputs of the signature."""
    expected = own([(text,) for text in TEXTS])
    for raw in (False, True):
        request = v2.InferRequest(model_name="mood", id="3")
        tensor = request.inputs.add(name="text", datatype="BYTES", shape=[len(TEXTS), 1])
        packed = [text.encode() for text in TEXTS]
        if raw:
            request.raw_input_contents.append(strings.pack(packed))
        else:
            tensor.contents.bytes_contents.extend(packed)
        said = call(served, v2.SERVICE, "ModelInfer", request, v2.InferResponse)
        contents = dict(
            zip([one.name for one in said.outputs], said.raw_output_contents, strict=True)
        )
        shapes = {one.name: list(one.shape) for one in said.outputs}
        found = np.frombuffer(contents["probabilities"], "<f4").reshape(shapes["probabilities"])
        np.testing.assert_allclose(found, expected.tasks["mood"], atol=1e-5)
        labels = [one.decode() for one in strings.unpack(contents["label"])]
        names = own.labels["mood"]
        assert labels == [names[place] for place in expected.tasks["mood"].argmax(1)]
        manifest = json.loads((saved_model / "manifest.json").read_text("utf-8"))
        assert set(contents) == set(manifest["signatures"]["serving_default"]["outputs"])


def test_v2_over_grpc_describes_and_refuses(served):
    of = v2.CLASSES
    assert call(served, v2.SERVICE, "ServerLive", of["Empty"](), of["LiveResponse"]).live
    assert call(served, v2.SERVICE, "ServerReady", of["Empty"](), of["ReadyResponse"]).ready
    named = of["Named"](name="mood")
    assert call(served, v2.SERVICE, "ModelReady", named, of["ReadyResponse"]).ready
    said = call(served, v2.SERVICE, "ModelMetadata", named, of["ModelMetadata"])
    assert [one.name for one in said.inputs] == ["text"]
    (listed,) = call(
        served, v2.SERVICE, "RepositoryIndex", of["IndexRequest"](), of["IndexResponse"]
    ).models
    assert (listed.name, listed.state) == ("mood", "READY")
    with pytest.raises(grpc.RpcError) as error:
        call(served, v2.SERVICE, "ModelInfer", v2.InferRequest(model_name="x"), v2.InferResponse)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    unload = of["ChangeRequest"](model_name="mood")
    with pytest.raises(grpc.RpcError) as error:
        call(served, v2.SERVICE, "RepositoryModelUnload", unload, of["Empty"])
    assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_tf_serving_over_grpc(served, own):
    """TensorFlow Serving's own stubs, from its package, are understood."""
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.ParseFromString(predict_request("mood", {"text": TEXTS}).SerializeToString())
    service = "tensorflow.serving.PredictionService"
    said = call(served, service, "Predict", request, tf_serving.PredictResponse)
    expected = own([(text,) for text in TEXTS]).tasks["mood"]
    np.testing.assert_allclose(of_tensor(said.outputs["probabilities"]), expected, atol=1e-5)
    asked = tf_serving.StatusRequest()
    asked.model_spec.name = "mood"
    service = "tensorflow.serving.ModelService"
    status = call(served, service, "GetModelStatus", asked, tf_serving.StatusResponse)
    assert [one.state for one in status.model_version_status] == [tf_serving.AVAILABLE]


def test_every_output_is_what_the_saved_model_says(served, saved_model):
    """Over KServe's protocol, where strings are outputs too."""
    import served_models

    tensor = {"name": "text", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS}
    response = httpx.post(
        f"{served.http}/v2/models/mood/infer", json={"inputs": [tensor]}, headers=served.headers
    )
    outputs = {
        one["name"]: np.array(one["data"], object).reshape(one["shape"])
        for one in response.json()["outputs"]
    }
    expected = served_models.served(saved_model, text=TEXTS)
    assert set(outputs) == set(expected)
    for name, array in expected.items():
        wide = array if array.ndim > 1 else array[:, None]
        if array.dtype == object:
            assert outputs[name].tolist() == np.char.decode(wide.astype(bytes), "utf-8").tolist()
        else:
            np.testing.assert_allclose(outputs[name].astype(float), wide, atol=1e-5)


# --- many callers ----------------------------------------------------------------------------


def test_callers_at_once_get_their_own_answers(served, own):
    texts = [f"{word} {number}" for number in range(20) for word in ("card", "late", "good")]
    expected = own([(text,) for text in texts]).tasks["mood"]
    names = own.labels["mood"]
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda text: served.classify([text], top=0).json(), texts))
    for said, numbers in zip(found, expected, strict=True):
        (answer,) = said["answers"]
        for name, number in zip(names, numbers, strict=True):
            assert answer["mood"]["probabilities"][name] == pytest.approx(number, abs=1e-5)
    numbers = httpx.get(f"{served.operators}/metrics").text
    batches = _number(numbers, 'tfsocial_batch_texts_count{model="mood",version="1"}')
    sent = _number(numbers, 'tfsocial_batch_texts_sum{model="mood",version="1"}')
    assert sent / batches > 1.2, "callers never shared a batch"


def _number(metrics: str, name: str) -> float:
    (line,) = [line for line in metrics.splitlines() if line.startswith(name)]
    return float(line.rpartition("}")[2].split()[0])


def test_a_worker_that_is_killed_costs_nobody_an_answer(served):
    """Ten times while calls come: each call is answered, and a new process takes over."""
    with ThreadPoolExecutor(4) as pool:
        begun = []
        for _ in range(3):
            begun += [pool.submit(served.classify, ["it is late"]) for _ in range(10)]
            time.sleep(0.05)
            for pid in _workers(served):
                os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + READY
            while not _workers(served) or not _ready(served):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        statuses = [one.result().status_code for one in begun]
    assert set(statuses) <= {200, 503, 504}, statuses  # a new process may take too long to come
    assert statuses.count(200) > 20
    assert served.classify(TEXTS).status_code == 200


def test_an_idle_worker_that_is_killed_is_started_again(served):
    """Without a call; until then the gateway is not ready."""
    (before,) = _workers(served)
    os.kill(before, signal.SIGKILL)
    _wait_for(lambda: not _ready(served))
    _wait_for(lambda: _ready(served))
    (after,) = _workers(served)
    assert after != before
    assert served.classify(TEXTS).status_code == 200


def _workers(served: Served) -> list[int]:
    command = ["pgrep", "-P", str(served.process.pid), "-f", "tfsocial.serving.worker"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [int(word) for word in said.split()]


def _ready(served: Served) -> bool:
    return httpx.get(f"{served.operators}/readyz").status_code == 200


# --- beginnings, changes, ends ---------------------------------------------------------------


def test_it_imports_no_tensorflow_and_is_small(served):
    """The gateway itself; its worker has the model."""
    maps = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "tensorflow" not in maps
    pages = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1])
    assert pages * os.sysconf("SC_PAGE_SIZE") < 160 * 2**20  # with what the tests before left


def test_no_text_and_no_key_is_in_any_sink(served):
    """Log, audit, windows of drift, metrics, the page: a sentinel is looked for in each."""
    sentinel = "zanzibar-7731"
    for body in ({"texts": [f"mail {sentinel}@example.com"]}, {"texts": [[sentinel, sentinel]]}):
        url = f"{served.http}/v1/classify"
        httpx.post(url, json=body, headers={**served.headers, "X-Subject": "one"}, timeout=60)
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [sentinel]}
    for path in ("/v2/models/mood/infer", f"/v2/models/{sentinel}/infer"):
        url = f"{served.http}{path}"
        httpx.post(url, json={"inputs": [tensor]}, headers=served.headers, timeout=60)
    time.sleep(0.5)
    sinks = {
        str(path): path.read_bytes()
        for path in (served.log, *served.state.parent.rglob("*"))
        if path.is_file()
    }
    assert any(name.endswith("audit.jsonl") for name in sinks)
    assert b'"route": "/v1/classify"' in sinks[str(served.log)]
    for path in ("/metrics", "/"):
        sinks[path] = httpx.get(f"{served.operators}{path}").content
    secret = served.key.split("_", 2)[2].encode()
    for name, content in sinks.items():
        assert secret not in content, name
        # The name of a model that is not there is the caller's word, and the audit has it.
        if not name.endswith("audit.jsonl"):
            assert sentinel.encode() not in content, name


def test_a_new_version_is_taken_up_and_a_harmed_one_is_not(serve, saved_model, tmp_path):
    base = tmp_path / "versions"
    shutil.copytree(saved_model, base / "1")
    there = serve(f"--config={_config(tmp_path, base)}")
    assert there.classify(["good"]).json()["version"] == "1"
    harmed = shutil.copytree(saved_model, tmp_path / "harmed")
    with (harmed / "variables" / "variables.data-00000-of-00001").open("r+b") as file:
        file.seek(100)
        file.write(b"harm")
    harmed.rename(base / "2")
    _wait_for(lambda: "version 2 is not taken" in there.log.read_text())
    assert "is not the file that was exported" in there.log.read_text()
    stop, versions, statuses = threading.Event(), [], []

    def asks() -> None:
        while not stop.is_set():
            response = there.classify(["good"])
            statuses.append(response.status_code)
            versions.append(response.json().get("version"))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(asks)
        whole = shutil.copytree(saved_model, tmp_path / "whole")
        whole.rename(base / "3")
        _wait_for(lambda: "3" in versions)
        stop.set()
    assert set(statuses) == {200}
    assert set(versions) == {"1", "3"}


def _wait_for(holds) -> None:
    deadline = time.monotonic() + READY
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_shadow_is_promoted_or_taken_back(serve, saved_model, folders, tmp_path):
    """The same model again is as good; another model with the same labels is not."""
    base = tmp_path / "versions"
    shutil.copytree(saved_model, base / "1")
    change = {"mode": "shadow", "failures": 0.02, "slower": 1000}
    there = serve(f"--config={_config(tmp_path, base, change=change)}")
    shutil.copytree(saved_model, tmp_path / "same").rename(base / "2")
    _ask_until(there, "version 2 answers now")
    shutil.copytree(folders("scope")[1], tmp_path / "other").rename(base / "3")
    _ask_until(there, "version 3 is not taken: agreement is")
    assert there.classify(["good"]).json()["version"] == "2"


def _ask_until(there: Served, words: str) -> None:
    deadline, number = time.monotonic() + READY, 0
    while words not in there.log.read_text():
        assert time.monotonic() < deadline, there.log.read_text()[-2000:]
        assert there.classify([f"text {number}", f"card {number} is late"]).status_code == 200
        number += 1


def _config(folder: Path, base: Path, **model) -> Path:
    path = folder / "gateway.yaml"
    values = {
        "models": {"mood": {"folder": str(base), "follow": 0.2, **model}},
        "access": {"keys": str(folder / "k" / "keys"), "secret": str(folder / "s")},
        "listen": {"port": 0, "admin_port": 0, "grpc_port": 0},
        "load": {"seconds": 60},  # the machine may be busy
    }
    path.write_text(json.dumps(values))
    return path


def test_sigterm_answers_what_was_taken(serve, saved_model):
    there = serve(f"--model=mood={saved_model.parent}")
    big = ["it is late and my card is not good"] * 400
    with ThreadPoolExecutor(8) as pool:
        begun = [pool.submit(there.classify, big) for _ in range(8)]
        time.sleep(0.5)
        code = there.stop()
        found = []
        for one in begun:
            try:
                found.append(one.result().status_code)
            except httpx.TransportError:
                found.append("not begun")
    assert code == 0
    assert found.count(200) == 8, found
    assert not _workers(there)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "--model or --config: name one of both"),
        (("--model=nowhere",), "--model=nowhere: there is no such file or folder"),
        (("--config={}/bad.yaml",), "listen.prot: Extra inputs are not permitted"),
        (("--config={}/none.yaml",), "models: Field required"),
        (("--config={}/remote.yaml",), "models.a.address: is missing"),
        (("--model={}",), "is no exported version"),
    ],
)
def test_wrong_flags_are_said_in_a_sentence(tmp_path, flags, says):
    (tmp_path / "bad.yaml").write_text("models: {a: {folder: x}}\nlisten: {prot: 1}\n")
    (tmp_path / "none.yaml").write_text("listen: {port: 1}\n")
    (tmp_path / "remote.yaml").write_text("models: {a: {folder: x, backend: triton}}\n")
    ports = ("--port=0", "--admin_port=0", f"--state={tmp_path / 'state'}")
    command = [sys.executable, "-m", "tfsocial", "serve", *ports]
    command += [flag.format(tmp_path) for flag in flags]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY)
    assert run.returncode == 2, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr
