"""The keys that texts of the audit are hashed with: one a person, and one a tenant for the rest.

Whoever has a text and its key can tell whether it was asked; without the key the hash says nothing.
So a person is erased from the audit by the deletion of a key, and the chain of hashes stays whole.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

from tfsocial.errors import InputError

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (tenant, subject)
) WITHOUT ROWID
"""
KEY_BYTES = 32
MOST_IN_MEMORY = 10_000


class SubjectKeys:
    """Keys in an SQLite file.

    Raises:
        InputError: the file is none, or cannot be written.
    """

    def __init__(self, path: Path):
        self._lock, self._memory = threading.Lock(), dict[tuple[str, str], bytes]()
        try:
            self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            # What is deleted is overwritten, and no log beside the file keeps it.
            self._database.execute("PRAGMA secure_delete = ON")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(SCHEMA)
        except sqlite3.Error as error:
            raise InputError(f"{path}: cannot be used for keys of the audit ({error})") from None
        path.chmod(0o600)

    def key(self, tenant: str, subject: str = "", make: bool = True) -> bytes | None:
        """Give the key of a person, or of a tenant's other texts; None if there is none to give.

        Args:
            make: make one up if there is none.

        Raises:
            sqlite3.Error: it cannot be kept.
        """
        with self._lock:
            known = self._memory.get((tenant, subject))
            return known or self._stored(tenant, subject, make)

    def _stored(self, tenant: str, subject: str, make: bool) -> bytes | None:
        if make:
            self._database.execute(
                "INSERT OR IGNORE INTO keys VALUES (?, ?, ?)",
                (tenant, subject, secrets.token_bytes(KEY_BYTES)),
            )
        found = self._database.execute(
            "SELECT key FROM keys WHERE tenant = ? AND subject = ?", (tenant, subject)
        ).fetchone()
        if found is None:
            return None
        if len(self._memory) >= MOST_IN_MEMORY:
            self._memory.clear()
        self._memory[tenant, subject] = found[0]
        return found[0]

    def forget(self, tenant: str, subject: str | None = None) -> int:
        """Delete the key of a person, or all of a tenant; gives how many there were."""
        with self._lock:
            self._memory.clear()
            every = "DELETE FROM keys WHERE tenant = ?"
            if subject is None:
                return self._database.execute(every, (tenant,)).rowcount
            one = f"{every} AND subject = ?"
            return self._database.execute(one, (tenant, subject)).rowcount

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def text_hash(key: bytes, text: Sequence[str]) -> str:
    """Hash a text or a pair under a key, hexadecimal."""
    return hmac.digest(key, json.dumps(list(text)).encode(), hashlib.sha256).hex()
