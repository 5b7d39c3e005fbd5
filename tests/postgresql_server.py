"""Debian's PostgreSQL server, for the tests that need one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Starts a server in a folder; the URL of an empty database of it."""
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
    try:
        yield f"postgresql+psycopg://tfsocial@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
