"""A real server: Triton 2.51 runs our SavedModel in its Python backend.

From the package nvidia-pytriton, in an environment of its own: `make triton-env`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import gateways
import grpc
import httpx
import numpy as np
import psutil
import pytest

from tfsocial.serving import wire
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.triton import repository

ENVIRONMENT = Path(__file__).parents[2] / ".venv-triton"
SITE = ENVIRONMENT / "lib" / "python3.11" / "site-packages"
SERVER = SITE / "pytriton" / "tritonserver"
TEXTS = ["my card is good", "", "it is late", "我的卡在哪里"]
QUEUE = 16
READY = 60  # seconds until it is given up

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (ENVIRONMENT / ".installed").exists(),
        reason="there is no .venv-triton; make triton-env",
    ),
]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def triton(folders, tmp_path_factory):
    """(url, gRPC's address, process, the SavedModel it serves as tickets)."""
    saved_model = folders("classify")[1]
    folder = tmp_path_factory.mktemp("triton")
    base = saved_model.parent
    repository.write(base, folder / "models", "tickets", str(base), QUEUE)
    http, rpc, metrics = free_ports(3)
    command = [
        SERVER / "bin" / "tritonserver",
        f"--model-repository={folder / 'models'}",
        f"--backend-directory={SERVER / 'backends'}",
        "--model-control-mode=explicit",
        "--load-model=tickets",
        *("--http-address=127.0.0.1", f"--http-port={http}"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={rpc}"),
        *("--metrics-address=127.0.0.1", f"--metrics-port={metrics}"),
        "--allow-gpu-metrics=false",
    ]
    # The backend's interpreter takes its packages from where it finds `python3`.
    environment = {**os.environ, "PATH": f"{ENVIRONMENT / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{http}"
    try:
        _wait_until_ready(url, process, folder / "log")
        yield url, f"127.0.0.1:{rpc}", process, saved_model
    finally:
        process.kill()
        process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen, log: Path) -> None:
    began = time.monotonic()
    while True:
        try:
            if httpx.get(f"{url}/v2/models/tickets/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None, log.read_text("utf-8", "replace")[-3000:]
        assert time.monotonic() - began < READY, log.read_text("utf-8", "replace")[-3000:]
        time.sleep(0.5)


def body(texts: list[str]) -> dict:
    data = {"name": "text", "shape": [len(texts), 1], "datatype": "BYTES", "data": texts}
    return {"id": "7", "inputs": [data]}


def infer(url: str, texts: list[str]) -> httpx.Response:
    return httpx.post(f"{url}/v2/models/tickets/infer", json=body(texts), timeout=60)


def outputs(response: httpx.Response) -> dict[str, np.ndarray]:
    values = response.json()["outputs"]
    return {one["name"]: np.array(one["data"]).reshape(one["shape"]) for one in values}


def test_it_gives_the_answers_of_the_model(triton):
    """KServe's V2 protocol over HTTP; strings come as plain JSON."""
    url, _, _, saved_model = triton
    response = infer(url, TEXTS)
    assert response.status_code == 200, response.text
    assert response.json()["id"] == "7"
    found, own = outputs(response), load_predictor(saved_model)([(text,) for text in TEXTS])
    np.testing.assert_allclose(found["probabilities"], own.tasks["mood"], atol=1e-5)
    np.testing.assert_allclose(found["embedding"], own.embedding, atol=1e-5)
    labels = load_predictor(saved_model).labels["mood"]
    assert found["label"][:, 0].tolist() == [labels[i] for i in own.tasks["mood"].argmax(-1)]


# KServe's V2 protocol over gRPC, as far as it is asked here: open_inference_grpc.proto.
V2 = wire.classes(
    "tfsocial.tests.kserve",
    {
        "Contents": {"bytes_contents": (8, ["bytes"]), "fp32_contents": (6, ["float"])},
        "Tensor": {
            "name": (1, "string"),
            "datatype": (2, "string"),
            "shape": (3, ["int64"]),
            "contents": (5, "Contents"),
        },
        "Request": {"model_name": (1, "string"), "inputs": (5, ["Tensor"])},
        "Response": {"outputs": (5, ["Tensor"]), "raw_output_contents": (6, ["bytes"])},
    },
)


def test_grpc_gives_the_same(triton):
    _, address, _, saved_model = triton
    request = V2["Request"](model_name="tickets")
    tensor = request.inputs.add(name="text", datatype="BYTES", shape=[len(TEXTS), 1])
    tensor.contents.bytes_contents.extend(text.encode() for text in TEXTS)
    with grpc.insecure_channel(address) as channel:
        ask = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            request_serializer=V2["Request"].SerializeToString,
            response_deserializer=V2["Response"].FromString,
        )
        response = ask(request, timeout=60)
    raw = dict(
        zip([one.name for one in response.outputs], response.raw_output_contents, strict=True)
    )
    own = load_predictor(saved_model)([(text,) for text in TEXTS]).tasks["mood"]
    found = np.frombuffer(raw["probabilities"], np.float32).reshape(own.shape)
    np.testing.assert_allclose(found, own, atol=1e-5)


def test_it_describes_itself(triton):
    """Names, types and shapes of the signature."""
    url, _, _, saved_model = triton
    said = httpx.get(f"{url}/v2/models/tickets").json()
    (text,) = said["inputs"]
    assert (text["name"], text["datatype"], text["shape"]) == ("text", "BYTES", [-1, 1])
    manifest = json.loads((saved_model / "manifest.json").read_text("utf-8"))
    expected = manifest["signatures"]["serving_default"]["outputs"]
    assert {one["name"] for one in said["outputs"]} == set(expected)


def test_too_many_requests_are_refused_and_the_others_answered(triton):
    """Load is shed with 503; every answer that is given is right."""
    url, _, _, saved_model = triton
    own = load_predictor(saved_model)([(TEXTS[0],)]).tasks["mood"][0]
    texts = [TEXTS[0]] * 32
    with ThreadPoolExecutor(120) as pool:
        answers = list(pool.map(lambda _: infer(url, texts), range(240)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= QUEUE
    assert statuses[503], "the queue was never full"
    for answer in answers:
        if answer.status_code == 200:
            probabilities = outputs(answer)["probabilities"]
            np.testing.assert_allclose(probabilities, np.tile(own, (32, 1)), atol=1e-5)


# --- the gateway before it, and beside it ----------------------------------------------------


@pytest.fixture(scope="module")
def gateway(triton, tmp_path_factory):
    """`tfsocial serve` before Triton: the same model under the same name."""
    folder = tmp_path_factory.mktemp("gateway")
    model = {"folder": str(triton[3].parent), "backend": "triton", "address": triton[1]}
    (folder / "gateway.yaml").write_text(
        json.dumps(
            {
                "models": {"tickets": model},
                "access": {"keys": str(folder / "keys"), "secret": str(folder / "secret")},
                "listen": {"port": 0, "admin_port": 0, "grpc_port": 0},
            }
        )
    )
    served = gateways.start(folder / "state", f"--config={folder / 'gateway.yaml'}")
    yield served
    served.process.kill()
    served.process.wait()


@pytest.mark.parametrize(
    "sent",
    [
        body(TEXTS),
        {**body(TEXTS), "outputs": [{"name": "label"}, {"name": "probabilities"}]},
        {**body(TEXTS), "outputs": [{"name": "nothing"}]},
        {"inputs": [{"name": "text", "shape": [3, 1], "datatype": "BYTES", "data": TEXTS}]},
        {"inputs": [{"name": "words", "shape": [1, 1], "datatype": "BYTES", "data": ["a"]}]},
        {"inputs": [{"name": "text", "shape": [1, 1], "datatype": "FP32", "data": [1.0]}]},
        {},  # which is a fault of its own to Triton: 500
    ],
)
def test_the_gateway_says_what_triton_says(triton, gateway, sent):
    """Names, types, shapes and numbers, or both refuse as the caller's fault."""
    direct = httpx.post(f"{triton[0]}/v2/models/tickets/infer", json=sent, timeout=60)
    url = f"{gateway.http}/v2/models/tickets/infer"
    through = httpx.post(url, json=sent, headers=gateway.headers, timeout=60)
    if direct.status_code != 200:
        assert direct.status_code in ((400, 500) if not sent else (400,))
        assert through.status_code == 400
        assert through.json()["error"]
        return
    assert through.json().get("id") == direct.json().get("id")
    theirs, ours = (
        {one["name"]: one for one in said.json()["outputs"]} for said in (direct, through)
    )
    assert set(theirs) == set(ours)
    for name, one in theirs.items():
        assert (one["datatype"], one["shape"]) == (ours[name]["datatype"], ours[name]["shape"])
        if one["datatype"] == "BYTES":
            assert one["data"] == ours[name]["data"]
        else:
            np.testing.assert_allclose(ours[name]["data"], one["data"], atol=1e-5)


@pytest.mark.parametrize(
    "path", ["/v2/health/live", "/v2/health/ready", "/v2/models/tickets/ready", "/v2/models/none"]
)
def test_the_gateway_has_tritons_paths(triton, gateway, path):
    through = httpx.get(f"{gateway.http}{path}", headers=gateway.headers)
    assert through.status_code == httpx.get(f"{triton[0]}{path}").status_code


def test_the_gateway_is_described_as_triton_is(triton, gateway):
    direct = httpx.get(f"{triton[0]}/v2/models/tickets").json()
    through = httpx.get(f"{gateway.http}/v2/models/tickets", headers=gateway.headers).json()
    assert through["inputs"] == direct["inputs"]
    sides = [
        {one["name"]: one["datatype"] for one in said["outputs"]} for said in (direct, through)
    ]
    assert sides[0] == sides[1]


def test_a_flood_through_the_gateway_is_answered_or_refused(triton, gateway):
    """Triton sheds what its queue of sixteen does not hold; the gateway asks it again."""
    own = load_predictor(triton[3])([(TEXTS[0],)]).tasks["mood"][0]
    texts = [TEXTS[0]] * 8

    def ask(_: int) -> httpx.Response:
        url = f"{gateway.http}/v2/models/tickets/infer"
        return httpx.post(url, json=body(texts), headers=gateway.headers, timeout=60)

    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(ask, range(180)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 503}, [one.text for one in answers if one.status_code == 502]
    assert statuses[200] > 170
    for answer in answers:
        if answer.status_code == 200:
            np.testing.assert_allclose(
                outputs(answer)["probabilities"], np.tile(own, (8, 1)), atol=1e-5
            )


# --- what is left of it afterwards ----------------------------------------------------------


def test_a_model_is_taken_away_and_brought_back(triton):
    url = triton[0]
    control = f"{url}/v2/repository/models/tickets"
    assert httpx.post(f"{control}/unload", json={}).status_code == 200
    deadline = time.monotonic() + READY
    while infer(url, TEXTS).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert infer(url, TEXTS).status_code in (400, 404)
    assert httpx.post(f"{control}/load", json={}, timeout=READY).status_code == 200
    assert infer(url, TEXTS).status_code == 200


def test_it_ends_what_it_began(triton):
    """SIGTERM while it computes: what it took is answered, and the exit code is 0."""
    url, _, process, _ = triton
    backend = psutil.Process(process.pid).children(recursive=True)
    before = _computed(backend)
    connections = [HTTPConnection(url.removeprefix("http://"), timeout=READY) for _ in range(8)]
    for one in connections:
        one.request("POST", "/v2/models/tickets/infer", json.dumps(body(TEXTS * 8)))
    deadline = time.monotonic() + READY
    while _computed(backend) == before:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGTERM)
    codes = Counter(_code(one) for one in connections)
    assert codes[200] > 0, codes
    assert set(codes) <= {200, "not taken"}
    assert process.wait(READY) == 0


def _computed(processes: list[psutil.Process]) -> float:
    """Seconds of CPU that these processes have had."""
    return sum(one.cpu_times().user for one in processes)


def _code(connection: HTTPConnection) -> int | str:
    """The answer's status; the connection is closed, for which the server would wait 30 s."""
    with closing(connection):
        try:
            return connection.getresponse().status
        except ConnectionError:
            return "not taken"
