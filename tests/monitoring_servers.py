"""Debian's Prometheus and Alertmanager, on loopback, with our own config; and who they call."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from gateways import READY

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "monitoring"
RULES = ("rules.yaml", "opinion_rules.yaml")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips where a program is missing."""
    missing = [name for name in programs if not shutil.which(name)]
    reason = f"needs {' and '.join(missing)}; install/test_services.sh installs them"
    return pytest.mark.skipif(bool(missing), reason=reason)


def wait_for(holds: Callable[[], Any], seconds: float = READY) -> Any:
    """What it gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def running(program: str, folder: Path, *flags: str) -> Iterator[str]:
    """Prometheus or Alertmanager on loopback; gives its address."""
    at = f"127.0.0.1:{free_port()}"
    with (folder / f"{program}.log").open("w") as log:
        process = subprocess.Popen(
            [program, f"--web.listen-address={at}", *flags], stderr=log, cwd=folder
        )
    try:
        wait_for(lambda: process.poll() is not None or _is_ready(at))
        assert process.poll() is None, (folder / f"{program}.log").read_text()
        yield f"http://{at}"
    finally:
        process.terminate()
        process.wait()


def _is_ready(at: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{at}/-/ready").status_code == 200
    return False


def alertmanager_config(folder: Path, url: str, **route: str) -> Path:
    """The config with URLs in it, as Alertmanager before 0.26 wants it; with other waits."""
    config = yaml.safe_load((FOLDER / "alertmanager.yaml").read_text("utf-8"))
    for one in (config["route"], *config["route"]["routes"]):
        one.update(route)
    for receiver in config["receivers"]:
        for hook in receiver["webhook_configs"]:
            assert Path(hook.pop("url_file")).name == receiver["name"]
            hook["url"] = f"{url}/{receiver['name']}"
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(config), "utf-8")
    return path


def alertmanager(folder: Path, url: str) -> contextlib.AbstractContextManager[str]:
    """Alertmanager alone, not in a cluster, that tells soon."""
    soon = {"group_wait": "1s", "group_interval": "1s"}
    config = alertmanager_config(folder, url, **soon)
    storage = f"--storage.path={folder / 'alerts'}"
    return running(
        "prometheus-alertmanager",
        folder,
        *(f"--config.file={config}", storage, "--cluster.listen-address="),
    )


def prometheus_config(folder: Path, gateway: str, alerts_to: str) -> Path:
    """The config and the rules before other addresses, and quick."""
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text("utf-8"))
    config["global"].update(scrape_interval="1s", evaluation_interval="1s")
    (job,), (manager,) = config["scrape_configs"], config["alerting"]["alertmanagers"]
    job["static_configs"][0]["targets"] = [gateway.removeprefix("http://")]
    manager["static_configs"][0]["targets"] = [alerts_to.removeprefix("http://")]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), "utf-8")
    for name in RULES:
        quick = yaml.safe_load((FOLDER / name).read_text("utf-8"))
        for group in quick["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                rule.update({"for": "2s"} if "for" in rule else {})
        (folder / name).write_text(yaml.safe_dump(quick), "utf-8")
    return folder / "prometheus.yaml"


@contextlib.contextmanager
def pager() -> Iterator[tuple[str, list[tuple[str, dict]]]]:
    """An address, and what was sent there: path and JSON."""
    heard: list[tuple[str, dict]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.path, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()
