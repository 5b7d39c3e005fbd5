"""What annotators did, one line an event, on the disk before the page answers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tfsocial.errors import InputError

Kind = Literal["label", "skip", "note", "undo", "decide"]
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    request TEXT NOT NULL UNIQUE,
    annotator TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    value TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Event:
    """One thing that somebody did.

    Attributes:
        request: made up by the page for each form, so that one sent twice counts once.
        kind: label or skip a text, note something on it, undo one's last event, or decide a text
            on which annotators disagree.
        text: its key.
        value: the label or the note; of an undo the request that it takes back.
    """

    request: str
    annotator: str
    kind: Kind
    text: str
    value: str = ""


class EventLog:
    """Events in an SQLite file, in their order.

    Each is on the disk when `append` returns (write-ahead log, synchronous=FULL), so that whoever
    kills the program afterwards loses nothing.

    Raises:
        InputError: the file is no such log, or cannot be written.
    """

    def __init__(self, path: Path):
        self.path, self._lock = path, threading.Lock()
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(SCHEMA)
        except sqlite3.Error as error:
            raise InputError(f"{path}: cannot be used as the log of labels ({error})") from None

    def append(self, event: Event) -> bool:
        """Write an event; False if its request was written before.

        Raises:
            OSError: the disk is full, or the file cannot be written.
        """
        row = (
            datetime.now(UTC).isoformat(timespec="milliseconds"),
            *(event.request, event.annotator, event.kind, event.text, event.value),
        )
        with self._lock:
            try:
                found = self._database.execute(
                    "INSERT OR IGNORE INTO events (at, request, annotator, kind, text, value) "
                    "VALUES (?, ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.Error as error:
                raise OSError(None, f"the label was not kept ({error})", str(self.path)) from None
        return found.rowcount == 1

    def __iter__(self) -> Iterator[Event]:
        with self._lock, closing(self._database.cursor()) as cursor:
            rows = cursor.execute(
                "SELECT request, annotator, kind, text, value FROM events ORDER BY number"
            ).fetchall()
        return (Event(*row) for row in rows)

    def close(self) -> None:
        """Close the file; the log becomes one file again."""
        with self._lock:
            self._database.close()
