"""`tfsocial serve`, or an application behind it, in a process of its own, as a user starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

READY = 90  # seconds until a gateway is given up
# One for all: each reads the certificates of all authorities. No connection is kept open.
CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0))


@dataclass
class Served:
    """A gateway in a process of its own."""

    process: subprocess.Popen
    key: str
    http: str
    grpc: str
    operators: str
    state: Path
    log: Path
    said: Sequence[str] = ()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def classify(self, texts: list[str], **more) -> httpx.Response:
        return CLIENT.post(
            f"{self.http}/v1/classify",
            json={"texts": texts, **more},
            headers=self.headers,
            timeout=60,
        )

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(60)


def start(state: Path, *flags: str, command: Sequence[str] = ("serve", "--grpc_port=0")) -> Served:
    """Starts it and waits until its models answer."""
    program, ports = [sys.executable, "-m", "tfsocial"], ("--port=0", "--admin_port=0")
    arguments = [*program, *command, f"--state={state}", *ports, *flags]
    state.parent.mkdir(parents=True, exist_ok=True)
    log = state.with_suffix(".log")
    with log.open("w") as file:
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=file, text=True)
    key = ""
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("key: "):
            key = line.split()[1]
        if line.startswith("callers: "):
            words = line.split()
            at = dict(zip(words[::2], words[1::2], strict=True))
            _drain(process, log)
            rpc = at.get("gRPC:", "")
            return Served(process, key, at["callers:"], rpc, at["operators:"], state, log, said)
    raise AssertionError(f"it ended with {process.wait()}: {''.join(said)}")


def _drain(process: subprocess.Popen, log: Path) -> None:
    """Keeps what it says in a file."""

    def copied() -> None:
        with log.open("a") as file:
            for line in process.stderr:
                file.write(line)
                file.flush()

    threading.Thread(target=copied, daemon=True).start()
