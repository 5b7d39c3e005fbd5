"""An application in a process of its own, as a user starts it."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gateway import tree
from benchmarks.same_weights import commit, machine

Line = dict[str, Any]


@contextlib.contextmanager
def started(application: str, flags: Sequence[str], log: Path) -> Iterator[Started]:
    """Start it, and end it after the block.

    Args:
        application: name of its command.
        log: file of what it prints.

    Raises:
        SystemExit: it ended before it listened.
    """
    ports = ["--port=0", "--admin_port=0"]
    command = [sys.executable, "-m", "tfsocial", application, *ports, *flags]
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=file, text=True)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("callers: "):
                break
        else:
            raise SystemExit(f"the server ended; see {log}")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield Started(process, said)
        finally:
            process.terminate()
            process.wait()


class Started:
    """A running application, and what it said before it listened."""

    def __init__(self, process: subprocess.Popen, said: Sequence[str]):
        self.process, self._said = process, said

    def word(self, begin: str) -> str:
        """Give the word after a line's beginning, as the key after `key: `."""
        return next(one for one in self._said if one.startswith(begin))[len(begin) :].split()[0]

    def memory_mb(self) -> float:
        """Give what it and its children hold in memory."""
        return round(tree.pss_mb(tree.tree([self.process.pid])), 1)


def soaked(minutes: float, statuses: Counter[int], memory: Sequence[Sequence[float]]) -> Line:
    """Say what a soak came to.

    Args:
        memory: seconds since its begin, and megabytes.
    """
    return {
        "minutes": minutes,
        "requests": sum(statuses.values()),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "memory MB": memory,
    }


def measure_parts(
    about: str,
    parts: Mapping[str, Callable[[Any, argparse.Namespace], Line]],
    serving: Callable[[Path, Path], contextlib.AbstractContextManager[Any]],
    results: Path,
) -> None:
    """Measure the parts that the command line names, each with a server of its own.

    Args:
        serving: starts a server of a model, in a folder to work in.
        results: JSON, in which each part is replaced.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=parts)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        with serving(options.model, options.work) as server:
            line = parts[part](server, options)
        known = json.loads(results.read_text("utf-8")) if results.is_file() else {}
        known[part] = {**line, "commit": commit(), "machine": machine()}
        results.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        print(part, line, flush=True)
