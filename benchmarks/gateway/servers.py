"""What is compared: how each server is started before the same SavedModel, and how it is asked."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAME = "served"  # the model's, wherever it needs one
QUEUE = 512  # requests that wait in Triton: more than there are callers
PLAIN = '{"texts": ["TEXT"]}'
V2 = json.dumps(
    {
        "inputs": [{"name": "text", "datatype": "BYTES", "shape": [1, 1], "data": ["TEXT"]}],
        "outputs": [{"name": "top_labels"}, {"name": "top_probabilities"}],
    }
)
_GIVEN: set[int] = set()
Answer = dict[str, float]  # label -> probability, the likeliest first


@dataclass(frozen=True)
class Place:
    """Where a server finds things.

    Attributes:
        base: folder with the version, by number; `version` is that folder.
        work: for its logs and what else it writes.
        peers: folder of environments.
        forms: the model's other forms, litert and openvino, as `base`.
    """

    base: Path
    work: Path
    peers: Path
    forms: Mapping[str, Path] = field(default_factory=dict)

    @property
    def version(self) -> Path:
        return self.base / "1"

    def python(self, name: str) -> Path:
        """Interpreter of a peer's environment."""
        return self.peers / name / "bin" / "python"

    @property
    def triton(self) -> Path:
        """Triton's environment: among the peers, or what `make triton-env` made."""
        own = self.peers / "triton"
        return own if own.exists() else ROOT / ".venv-triton"


@dataclass(frozen=True)
class Command:
    """A process of a server; the next one waits until `ready` answers, where there is a URL."""

    arguments: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""


@dataclass(frozen=True)
class Server:
    """How a server is started and asked.

    Attributes:
        commands: the one that callers reach comes last.
        read: from the JSON of an answer to what it says of the text.
    """

    commands: list[Command]
    url: str
    body: str
    read: Callable[[Any], Answer]
    headers: tuple[str, ...] = ()


def ports(count: int) -> list[int]:
    """Ports that are free now, and were not given before: who has them may not listen yet."""
    found: list[int] = []
    while len(found) < count:
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
        if port not in _GIVEN:
            _GIVEN.add(port)
            found.append(port)
    return found


# --- what an answer says ----------------------------------------------------------------------


def of_task(reply: Any) -> Answer:
    """{"answers": [{task: {"probabilities": ...}}]}"""
    (task,) = reply["answers"][0].values()
    return task["probabilities"]


def of_answers(reply: Any) -> Answer:
    """{"answers": [{"probabilities": ...}]}"""
    return reply["answers"][0]["probabilities"]


def of_list(reply: Any) -> Answer:
    """[{"probabilities": ...}]"""
    return reply[0]["probabilities"]


def of_tensors(reply: Any) -> Answer:
    """KServe's V2 protocol."""
    found = {one["name"]: one["data"] for one in reply["outputs"]}
    return dict(zip(found["top_labels"], found["top_probabilities"], strict=True))


# --- this project's gateway -------------------------------------------------------------------


def gateway(place: Place, *flags: str, base: Path | None = None) -> Server:
    port, admin = ports(2)
    state = place.work / ("state" + "".join(flags))
    key = key_of(state)
    command = [sys.executable, "-m", "tfsocial", "serve", f"--model={NAME}={base or place.base}"]
    command += [f"--state={state}", f"--port={port}", f"--admin_port={admin}", *flags]
    url = f"http://127.0.0.1:{port}/v1/classify"
    return Server([Command(command)], url, PLAIN, of_task, (f"Authorization: Bearer {key}",))


def gateway_mask(place: Place) -> Server:
    return gateway(place, "--mask")


def gateway_litert(place: Place) -> Server:
    return gateway(place, base=place.forms["litert"])


def gateway_openvino(place: Place) -> Server:
    return gateway(place, base=place.forms["openvino"])


def gateway_triton(place: Place) -> Server:
    """The gateway before Triton; both are asked the same over KServe's V2 protocol."""
    triton_alone, rpc = _triton(place)
    port, admin = ports(2)
    state = place.work / "state-triton"
    key = key_of(state)
    config = place.work / "gateway-triton.yaml"
    model = {"folder": str(place.base), "backend": "triton", "address": f"127.0.0.1:{rpc}"}
    values = {
        "models": {NAME: model},
        "listen": {"port": port, "admin_port": admin},
        "access": {"keys": str(state / "keys.jsonl"), "secret": str(state / "secret")},
        "audit": {"folder": str(state)},
        "drift": {"windows": str(state / "drift.jsonl")},
    }
    config.write_text(json.dumps(values), "utf-8")  # JSON is YAML
    serve = Command([sys.executable, "-m", "tfsocial", "serve", f"--config={config}"])
    url = f"http://127.0.0.1:{port}/v2/models/{NAME}/infer"
    headers = (f"Authorization: Bearer {key}",)
    return Server([*triton_alone.commands, serve], url, V2, of_tensors, headers)


def key_of(state: Path, tenant: str = "benchmark") -> str:
    """A new key of a tenant."""
    command = [sys.executable, "-m", "tfsocial", "keys", f"--state={state}", f"--add={tenant}"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


# --- the others -------------------------------------------------------------------------------


def triton(place: Place) -> Server:
    return _triton(place)[0]


def _triton(place: Place) -> tuple[Server, int]:
    """Triton as `tfsocial triton` configures it, and its gRPC port."""
    from tfsocial.serving.triton import repository

    models = place.work / "triton"
    if not models.exists():
        repository.write(place.base, models, NAME, str(place.base), QUEUE)
    http, rpc, metrics = ports(3)
    folder = place.triton / "lib" / "python3.11" / "site-packages" / "pytriton" / "tritonserver"
    command = [
        str(folder / "bin" / "tritonserver"),
        f"--model-repository={models}",
        f"--backend-directory={folder / 'backends'}",
        *("--http-address=127.0.0.1", f"--http-port={http}"),
        *("--grpc-address=127.0.0.1", f"--grpc-port={rpc}"),
        *("--metrics-address=127.0.0.1", f"--metrics-port={metrics}"),
        "--allow-gpu-metrics=false",
    ]
    # The backend's interpreter takes its packages from where it finds `python3`.
    path = {"PATH": f"{place.triton / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    model = f"http://127.0.0.1:{http}/v2/models/{NAME}"
    return Server([Command(command, path, f"{model}/ready")], f"{model}/infer", V2, of_tensors), rpc


def _script(place: Place, python: Path, script: str, **more: str) -> Server:
    (port,) = ports(1)
    command = [str(python), str(HERE / "peers" / script)]
    command += [f"--model={place.version}", f"--port={port}"]
    url = f"http://127.0.0.1:{port}/classify"
    return Server([Command(command, more)], url, PLAIN, of_answers)


def bare(place: Place) -> Server:
    return _script(place, Path(sys.executable), "bare_app.py")


def litserve(place: Place) -> Server:
    return _script(place, place.python("litserve"), "litserve_app.py")


def ray_serve(place: Place) -> Server:
    return _script(place, place.python("ray"), "ray_app.py", RAY_USAGE_STATS_ENABLED="0")


def bentoml(place: Place) -> Server:
    (port,) = ports(1)
    command = [str(place.python("bentoml")), "-m", "bentoml", "serve", "bentoml_service:Classifier"]
    command += [f"--working-dir={HERE / 'peers'}", "--host=127.0.0.1", f"--port={port}"]
    more = {
        "MODEL": str(place.version),
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(place.work / "bentoml"),
    }
    return Server([Command(command, more)], f"http://127.0.0.1:{port}/classify", PLAIN, of_list)


SERVERS: dict[str, Callable[[Place], Server]] = {
    "bare": bare,
    "gateway": gateway,
    "gateway_mask": gateway_mask,
    "gateway_litert": gateway_litert,
    "gateway_openvino": gateway_openvino,
    "triton": triton,
    "gateway_triton": gateway_triton,
    "bentoml": bentoml,
    "litserve": litserve,
    "ray_serve": ray_serve,
}
# What a server needs beside this project's environment.
NEEDS: dict[str, Callable[[Place], Path | None]] = {
    "gateway_litert": lambda place: place.forms.get("litert"),
    "gateway_openvino": lambda place: place.forms.get("openvino"),
    "triton": lambda place: place.triton / ".installed",
    "gateway_triton": lambda place: place.triton / ".installed",
    "bentoml": lambda place: place.python("bentoml"),
    "litserve": lambda place: place.python("litserve"),
    "ray_serve": lambda place: place.python("ray"),
}
# How each is set; what is not named is as it comes.
SETTINGS = {
    "bare": "FastAPI, a call of the SavedModel a request, in its thread pool (40)",
    "gateway": "`tfsocial serve --model=DIR`",
    "gateway_mask": "`tfsocial serve --model=DIR --mask`",
    "gateway_litert": "the same, of a version that `tfsocial export --format=litert` wrote: int8",
    "gateway_openvino": "the same, of `--format=openvino`: bfloat16",
    "triton": "Python backend, max_batch_size 32, max_queue_delay 2 ms, one instance",
    "gateway_triton": "the same Triton, `backend: triton` before it",
    "bentoml": "batchable, max_batch_size 64, max_latency_ms 10,000, one worker",
    "litserve": "max_batch_size 32, batch_timeout 2 ms, one worker",
    "ray_serve": "@serve.batch, max_batch_size 32, batch_wait_timeout_s 2 ms, one replica",
}
