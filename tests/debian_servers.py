"""Debian's PostgreSQL, Redis and NATS, on loopback, for the tests that need a real server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Starts PostgreSQL in a folder; the URL of an empty database of it."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("there is no PostgreSQL server here; install/test_services.sh installs it")
    data, log, port = folder / "data", folder / "log", 20000 + os.getpid() % 20000
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if as_user:  # the server refuses to run as root
        for path in (folder, *folder.parents):
            if path.stat().st_mode & 0o777 == 0o700:  # pytest's own, up to the system's /tmp
                path.chmod(0o711)
        shutil.chown(folder, "postgres")

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(binaries[-1] / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    run("initdb", "-D", str(data), "-A", "trust", "-U", "tfsocial")
    options = f"-p {port} -k {folder} -c fsync=off -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
    pid = int((data / "postmaster.pid").read_text().split()[0])
    try:
        yield f"postgresql+psycopg://tfsocial@127.0.0.1:{port}/postgres"
    finally:
        # Not by pg_ctl: when another pytest begins, it closes the folder to all but root again.
        os.kill(pid, signal.SIGQUIT)
        while (data / "postmaster.pid").exists() and Path(f"/proc/{pid}").exists():
            time.sleep(0.05)


@contextlib.contextmanager
def redis(folder: Path, port: int) -> Iterator[str]:
    """Starts Redis, which keeps what it has over a restart in the same folder."""
    keeps = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--dir", str(folder)]
    with _listening("redis-server", ["--port", str(port), *keeps], port):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def nats(folder: Path, port: int) -> Iterator[str]:
    """Starts NATS with JetStream, which keeps what it has over a restart in the same folder."""
    command = ["--jetstream", "--store_dir", str(folder), "-a", "127.0.0.1", "-p", str(port)]
    with _listening("nats-server", command, port):
        yield f"nats://127.0.0.1:{port}"


@contextlib.contextmanager
def _listening(name: str, arguments: list[str], port: int) -> Iterator[None]:
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"needs {name}; install/test_services.sh installs it")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([program, *arguments], **silent) as process:
        try:
            deadline = time.monotonic() + 30
            while not _answers(port):
                assert process.poll() is None, f"{name} ends at once"
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
