"""Leases: who works on a trial says so in its folder, again and again.

A lease is a file whose time its holder renews. One that was not renewed for a while is stale: its
holder was killed, or its machine is gone, and the next who looks takes it. Only who holds the
output's lock (`locked`) may take one, so two never take the same; the lock itself is held for a
moment and is given back by the system when its holder dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tfsocial import files

FILE, LOCK = "lease.json", ".lock"
RENEWALS = 4  # in the time in which a lease grows stale


class LeaseLost(RuntimeError):
    """Somebody else works on the trial by now: this process was held up for too long."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder that several processes and machines share.

    Raises:
        OSError: its filesystem has no locks.
    """
    with (folder / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def seconds_old(folder: Path) -> float | None:
    """Say how old a folder's lease is, by the clock of its filesystem; None where there is none."""
    try:
        renewed = (folder / FILE).stat().st_mtime
    except FileNotFoundError:
        return None
    return _now(folder) - renewed


def _now(folder: Path) -> float:
    """Ask the filesystem, whose clock may not be this machine's."""
    probe = folder / f".{secrets.token_hex(8)}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def holder(folder: Path) -> str:
    """Name who holds or held a folder's lease."""
    try:
        return str(json.loads((folder / FILE).read_text("utf-8"))["holder"])
    except (OSError, ValueError, KeyError):
        return "nobody"


class Lease:
    """The right to work in a folder, renewed by a thread until it is released.

    Args:
        seconds: after which it is stale where nobody renews it.
    """

    def __init__(self, folder: Path, seconds: float):
        self.path, self._token = folder / FILE, secrets.token_hex(8)
        self._ended, self._lost = threading.Event(), threading.Event()
        self._every = seconds / RENEWALS
        me = f"{socket.gethostname()}:{os.getpid()}"
        files.write_text(self.path, json.dumps({"holder": me, "token": self._token}))
        self._renewed = time.monotonic()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that the lease is still this process's.

        Raises:
            LeaseLost: it is not.
        """
        held_up = time.monotonic() - self._renewed > 2 * self._every
        if self._lost.is_set() or (held_up and not self._is_mine()):
            raise LeaseLost(f"{self.path.parent} is {holder(self.path.parent)}'s by now")

    def release(self) -> None:
        """Let the next one take it at once."""
        self._ended.set()
        self._thread.join()
        if self._is_mine():
            os.utime(self.path, (0, 0))

    def _renew(self) -> None:
        while not self._ended.wait(self._every):
            if not self._is_mine():
                self._lost.set()
                return
            with contextlib.suppress(OSError):  # a filesystem that is away for a moment
                os.utime(self.path)
                self._renewed = time.monotonic()

    def _is_mine(self) -> bool:
        try:
            return json.loads(self.path.read_text("utf-8"))["token"] == self._token
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True  # not known now


def take(folder: Path, seconds: float) -> Lease | None:
    """Take a folder's lease where nobody has it or it is stale. Only under the lock.

    >>> folder = getfixture("tmp_path")
    >>> first = take(folder, 60)
    >>> take(folder, 60) is None
    True
    >>> first.release()
    >>> take(folder, 60) is None
    False
    """
    folder.mkdir(parents=True, exist_ok=True)
    age = seconds_old(folder)
    return Lease(folder, seconds) if age is None or age > seconds else None
