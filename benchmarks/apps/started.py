"""An application in a process of its own, as a user starts it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path


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
