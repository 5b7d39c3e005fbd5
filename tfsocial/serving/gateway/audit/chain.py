"""Lines each of which holds the hash of the one before: what is changed or left out shows.

Whoever can write the file can also write all of it anew, so the newest hash, the head, should be
kept elsewhere now and then: `verify` says whether a head is one of the file's.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tfsocial.errors import InputError

START = "0" * 64  # what stands before the first line


class Verified(NamedTuple):
    """What a chain is, as far as it is whole.

    Attributes:
        lines: from the first on.
        head: hash of the last.
        holds: whether the head that was asked about is among them; None: none was.
    """

    lines: int
    head: str
    holds: bool | None


class Chain:
    """A file that is only ever added to.

    A line that the end of a process or of the disk cut short is taken off when the file is opened
    again; it was not answered for.

    Raises:
        InputError: the file is no chain.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        last = self._last_line()
        self.head = START
        if last:
            try:
                self.head = json.loads(last)["hash"]
            except (ValueError, KeyError, TypeError):
                raise InputError(f"{path}: does not end with a line of the audit") from None

    def add(self, values: Mapping[str, Any]) -> str:
        """Write a line; gives its hash.

        Raises:
            OSError: it cannot be written; the file is as it was.
        """
        line, head = linked(values, self.head)
        end = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(28, "No space left on device", str(self.path))
        except OSError:
            os.ftruncate(self._descriptor, end)
            raise
        self.head = head
        return head

    def sync(self) -> None:
        """Have what was written on the disk."""
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file, with all of it on the disk."""
        self.sync()
        os.close(self._descriptor)

    def _last_line(self) -> bytes:
        """Give the last whole line; what stands behind it is cut off."""
        size = os.fstat(self._descriptor).st_size
        end, tail = size, b""
        while end and tail.count(b"\n") < 2:
            start = max(0, end - 65536)
            tail = os.pread(self._descriptor, end - start, start) + tail
            end = start
        whole, newline, rest = tail.rpartition(b"\n")
        if rest:
            os.ftruncate(self._descriptor, size - len(rest))
        return whole.rpartition(b"\n")[2] if newline else b""


def linked(values: Mapping[str, Any], before: str) -> tuple[bytes, str]:
    """Write values as a line that holds the hash before it and its own; gives both.

    >>> line, head = linked({"n": 1}, START)
    >>> json.loads(line)["hash"] == head
    True
    """
    text = json.dumps({**values, "before": before}, sort_keys=True)
    head = hashlib.sha256(text.encode()).hexdigest()
    return f'{text[:-1]}, "hash": "{head}"}}\n'.encode(), head


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a chain, and check each line against the one before.

    Raises:
        InputError: a line is not what was written; names it.
    """
    before = START
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            where = f"{path}:{number}"
            if not line.endswith(b"\n"):
                raise InputError(f"{where}: ends within a line, as after a power cut")
            try:
                values = json.loads(line)
                said = values.pop("hash")
                expected = linked({k: v for k, v in values.items() if k != "before"}, before)[1]
            except (ValueError, KeyError, TypeError, AttributeError):
                raise InputError(f"{where}: is no line of the audit") from None
            if values.get("before") != before:
                raise InputError(f"{where}: does not follow the line before; lines are missing")
            if said != expected:
                raise InputError(f"{where}: was changed after it was written")
            yield values
            before = said


def verify(path: Path, head: str | None = None) -> Verified:
    """Check a whole chain.

    Args:
        head: a hash that was kept elsewhere.

    Raises:
        InputError: it is broken; names the line.
    """
    count, last, seen = 0, START, head == START
    for values in lines(path):
        seen = seen or values["before"] == head
        count += 1
    if count:
        with path.open("rb") as file:
            *_, line = file
        last = json.loads(line)["hash"]
    return Verified(count, last, None if head is None else seen or last == head)
