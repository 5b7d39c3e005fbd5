"""A process and all that it started, as Linux sees them: memory, processor time, their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 20.0  # seconds until what was asked to end is killed


class Process(NamedTuple):
    """A process; its start tells it from a later one of the same number."""

    pid: int
    parent: int
    started: int  # ticks since the machine's start
    cpu: float  # seconds


def read(pid: int) -> Process | None:
    """What the kernel says of a process; None: it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # after the name, which may hold anything
    return Process(
        pid, int(fields[1]), int(fields[19]), (int(fields[11]) + int(fields[12])) / TICKS
    )


def tree(roots: Iterable[int]) -> list[Process]:
    """These processes and their descendants, the oldest first."""
    everything = [read(int(path.name)) for path in PROC.glob("[0-9]*")]
    there = [one for one in everything if one]
    found = [one for one in there if one.pid in set(roots)]
    for one in found:  # grows on the way
        found += [other for other in there if other.parent == one.pid]
    return found


def cpu_seconds(processes: Iterable[Process]) -> float:
    """Processor time so far."""
    return sum(one.cpu for one in processes)


def pss_mb(processes: Iterable[Process]) -> float:
    """Memory in which a page shared by n processes counts 1/n for each, MB."""
    return sum(_pss_kb(one.pid) for one in processes) / 1024


def _pss_kb(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def busy_seconds() -> float:
    """Processor time of the whole machine so far, with what its host took away."""
    names = (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, names[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS


def end(processes: Iterable[subprocess.Popen]) -> None:
    """Ask processes to end, the newest first; what is left of them after a while is killed."""
    started = list(processes)
    everything = tree([process.pid for process in started])
    for process in reversed(started):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    for one in everything:
        now = read(one.pid)
        if now and now.started == one.started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
    for process in started:
        process.wait()
    _gone(everything)


def _gone(processes: list[Process]) -> None:
    """Wait until none of them runs; one that is dead and not yet taken note of does not."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        left = [read(one.pid) for one in processes]
        if all(
            now is None or now.started != one.started or _dead(now.pid)
            for now, one in zip(left, processes, strict=True)
        ):
            return
        time.sleep(0.05)


def _dead(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
