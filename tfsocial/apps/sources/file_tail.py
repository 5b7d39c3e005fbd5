"""Lines of a file that grows, also when it is exchanged for a new one (as logrotate does)."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tfsocial.apps.events import Event
from tfsocial.apps.sources.contract import Batch, SourceGone
from tfsocial.apps.sources.members import MOST
from tfsocial.apps.sources.messages import Fields, event_of
from tfsocial.errors import InputError

EVERY = 0.2  # seconds between two looks
AT_ONCE = 500  # lines of a batch
HEAD = 64  # bytes by which a file is known again


class FileTail:
    """A file of JSON lines.

    Args:
        stream: that its events go to.
    """

    def __init__(self, path: str, stream: str, fields: Fields | None = None):
        self.name = f"file:{path}"
        self._path, self._stream, self._fields = Path(path), stream, fields

    def batches(self, position: str, stop: threading.Event) -> Iterator[Batch]:
        """Give whole lines as they come; a line without its end waits for it.

        Raises:
            SourceGone: there is no such file now.
        """
        place = _Place.read(position)
        file: BinaryIO | None = None
        try:
            while not stop.is_set():
                if file is None:
                    file = self._open()
                    place = place.in_file(file)
                lines = _whole_lines(file, place.offset)
                if lines:
                    batch, place = self._batch(lines, place)
                    yield batch
                elif self._exchanged(place):
                    file.close()
                    file = None
                else:
                    stop.wait(EVERY)
        finally:
            if file is not None:
                file.close()

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise SourceGone(error.strerror or str(error)) from None

    def _batch(self, lines: list[bytes], place: _Place) -> tuple[Batch, _Place]:
        found: list[Event] = []
        rejected = []
        for line in lines:
            where = f"{self._path}, byte {place.offset}"
            # A file may be cut, or a new one get an old one's number: so what it says counts too.
            key = f"{self._path}:{place.inode}:{place.offset}:{hashlib.sha256(line).hexdigest()}"
            try:
                if line.strip():
                    now = time.time()
                    found.append(event_of(line, self._stream, where, now, self._fields, key))
            except InputError as error:
                rejected.append(str(error))
            place = place.after(line)
        return Batch(found, place.written(), rejected=rejected), place

    def _exchanged(self, place: _Place) -> bool:
        """Say whether the path is another file now, or this one was cut to less than was read."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False  # between two files; the old one may still grow
        return now.st_ino != place.inode or now.st_size < place.offset


@dataclass(frozen=True)
class _Place:
    """How far which file was read: bytes, its number, and its first bytes as far as read."""

    inode: int = 0
    offset: int = 0
    head: str = ""

    @classmethod
    def read(cls, position: str) -> _Place:
        return cls(*json.loads(position)) if position else cls()

    def written(self) -> str:
        return json.dumps([self.inode, self.offset, self.head])

    def in_file(self, file: BinaryIO) -> _Place:
        """Give this place if it is in that file, and else the file's start."""
        found = os.fstat(file.fileno())
        file.seek(0)
        same = self.inode == found.st_ino and file.read(len(self.head) // 2).hex() == self.head
        return self if same and self.offset <= found.st_size else _Place(found.st_ino)

    def after(self, line: bytes) -> _Place:
        head = self.head + line[: HEAD - self.offset].hex() if self.offset < HEAD else self.head
        return _Place(self.inode, self.offset + len(line), head)


def _whole_lines(file: BinaryIO, offset: int) -> list[bytes]:
    """Read lines up to the last end of one; a line that is too long without end counts as one."""
    file.seek(offset)
    found = []
    for _ in range(AT_ONCE):
        line = file.readline(MOST + 2)
        if not line.endswith(b"\n") and len(line) <= MOST:
            break
        found.append(line)
    return found
