"""A server that runs: started and timed, asked, loaded, ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gateway import tree
from benchmarks.gateway.servers import ROOT, Answer, Command, Server

LOAD = Path(__file__).resolve().parent / "load.py"
READY = 180.0  # seconds until a server is given up
EVERY = 0.05  # seconds between two looks whether it answers
PAUSE = 0.5  # seconds before a load, for what the one before left


class NoAnswer(Exception):
    """A server does not come to answer."""


@dataclass
class Running:
    """A server that has answered.

    Attributes:
        start_seconds: from the start of its first process to its first good answer.
    """

    server: Server
    processes: list[subprocess.Popen]
    start_seconds: float
    data: Path

    def tree(self) -> list[tree.Process]:
        return tree.tree([process.pid for process in self.processes])

    def memory_mb(self) -> float:
        return round(tree.pss_mb(self.tree()), 1)

    def ask(self, text: str) -> Answer:
        """What it says of a text.

        Raises:
            OSError: it does not answer, or not well.
        """
        return ask(self.server, text)

    def load(self, callers: int, seconds: float, warm_up: float, *flags: str) -> dict[str, Any]:
        """What so many callers get in that time, and processor time a good answer (milliseconds).

        `cpu_ms` is of the whole server, `front_cpu_ms` of the process that callers reach, and
        `others` are cores that neither server nor callers used meanwhile.
        """
        time.sleep(PAUSE)
        command = [sys.executable, "-I", str(LOAD), f"--url={self.server.url}"]
        command += [f"--body={self.server.body}", f"--data={self.data}", f"--callers={callers}"]
        command += [f"--header={header}" for header in self.server.headers]
        command += [f"--seconds={seconds}", f"--warm_up={warm_up}", *flags]
        front = self.processes[-1].pid
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            time.sleep(warm_up + 0.2)  # the load generator's own start
            before = self._spent(front, process.pid)
            time.sleep(seconds - 0.4)
            after = self._spent(front, process.pid)
            said, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{command} ended with {process.returncode}")
        line = json.loads(said)
        return {**line, **_each(before, after, line["requests_per_second"])}

    def _spent(self, front: int, load: int) -> dict[str, float]:
        own, at_front, callers = self.tree(), tree.read(front), tree.read(load)
        return {
            "at": time.perf_counter(),
            "busy": tree.busy_seconds(),
            "own": tree.cpu_seconds(own),
            "front": at_front.cpu if at_front else 0.0,
            "callers": callers.cpu if callers else 0.0,
        }


def _each(before: dict[str, float], after: dict[str, float], rate: float) -> dict[str, float]:
    spent = {name: after[name] - before[name] for name in before}
    answers = max(1.0, rate * spent["at"])
    others = (spent["busy"] - spent["own"] - spent["callers"]) / spent["at"]
    return {
        "cpu_ms": round(1e3 * spent["own"] / answers, 3),
        "front_cpu_ms": round(1e3 * spent["front"] / answers, 3),
        "others": round(max(0.0, others), 2),
    }


@contextlib.contextmanager
def running(server: Server, data: Path, log: Path) -> Iterator[Running]:
    """Start a server, and end it afterwards.

    Raises:
        NoAnswer: it does not come to answer.
    """
    processes: list[subprocess.Popen] = []
    began = time.perf_counter()
    try:
        with log.open("ab") as file:
            for command in server.commands:
                processes.append(_started(command, file))
                if command.ready:
                    _until(lambda url=command.ready: _ready(url), processes, log)
        _until(lambda: bool(ask(server, "where is my card")), processes, log)
        yield Running(server, processes, round(time.perf_counter() - began, 2), data)
    finally:
        tree.end(processes)


def _started(command: Command, log: Any) -> subprocess.Popen:
    environment = {**os.environ, **command.environment}
    return subprocess.Popen(command.arguments, cwd=ROOT, env=environment, stdout=log, stderr=log)


def _until(answers: Any, processes: Sequence[subprocess.Popen], log: Path) -> None:
    until = time.monotonic() + READY
    while True:
        with contextlib.suppress(OSError, ValueError, KeyError):
            if answers():
                return
        ended = any(process.poll() is not None for process in processes)
        if ended or time.monotonic() > until:
            raise NoAnswer(f"does not answer; see {log}")
        time.sleep(EVERY)


def _ready(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status == 200


def ask(server: Server, text: str) -> Answer:
    """Ask about one text; see `Running.ask`."""
    body = server.body.replace('"TEXT"', json.dumps(text)).encode()
    headers = dict(header.split(": ", 1) for header in server.headers)
    headers["Content-Type"] = "application/json"
    request = urllib.request.Request(server.url, body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return server.read(json.loads(answer.read()))
