"""The minutes there are, over all calls that go on with one output."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from tfsocial import files

KEEP_EVERY = 5.0  # seconds


class Budget:
    """Seconds that are left; those spent are kept in a file, so that a second call has the rest."""

    def __init__(self, path: Path, seconds: float):
        self._path, self.seconds = path, seconds
        self._before = json.loads(path.read_text("utf-8"))["seconds"] if path.is_file() else 0.0
        self._began = self._kept = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds of this call and of those before it."""
        return self._before + time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds until the minutes are over; none where they are."""
        return max(0.0, self.seconds - self.spent)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Keep what was spent when the block ends, however it ends."""
        try:
            yield
        finally:
            self._write()

    def keep(self) -> None:
        """Keep what was spent so far, every few seconds: who is killed writes nothing."""
        if time.monotonic() - self._kept > KEEP_EVERY:
            self._write()

    def _write(self) -> None:
        self._kept = time.monotonic()
        files.write_text(self._path, json.dumps({"seconds": round(self.spent, 1)}) + "\n")
