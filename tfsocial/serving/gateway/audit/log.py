"""Who asked which model what, and had an answer or not; texts as keyed hashes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tfsocial.errors import InputError
from tfsocial.serving.gateway.audit import chain
from tfsocial.serving.gateway.audit.chain import Chain
from tfsocial.serving.gateway.audit.subject_keys import SubjectKeys, text_hash

CHAIN, KEYS = "audit.jsonl", "audit-keys.db"  # in the gateway's folder


@dataclass(frozen=True)
class Entry:
    """A call.

    Attributes:
        version, manifest: number and SHA-256 of the manifest of what answered; 0 and empty if
            nothing did.
        problem: why not; empty if it was answered.
    """

    request: str
    tenant: str
    credential: str
    verb: str
    model: str
    version: int
    manifest: str
    problem: str


class AuditLog:
    """The audit of a gateway.

    Raises:
        InputError: a file cannot be used.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._keys = SubjectKeys(folder / KEYS)
        self._chain = Chain(folder / CHAIN)

    @property
    def head(self) -> str:
        """Hash of the newest line."""
        return self._chain.head

    def keep(self, entry: Entry, subject: str, texts: Sequence[Sequence[str]]) -> None:
        """Write a call down.

        Args:
            subject: whose texts they are; their key is a key of their own.

        Raises:
            OSError, sqlite3.Error: it cannot be written.
        """
        key = self._keys.key(entry.tenant, subject)
        assert key is not None
        self._chain.add(
            {
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                **vars(entry),
                "texts": [text_hash(key, text) for text in texts],
            }
        )

    def sync(self) -> None:
        """Have what was written on the disk."""
        self._chain.sync()

    def close(self) -> None:
        """Close the files."""
        self._chain.close()
        self._keys.close()


def find(folder: Path, tenant: str, text: Sequence[str], subject: str = "") -> list[dict]:
    """List the calls of a tenant with a text.

    Raises:
        InputError: the key is deleted or never was, or the audit is broken.
    """
    keys = SubjectKeys(folder / KEYS)
    key = keys.key(tenant, subject, make=False)
    keys.close()
    if key is None:
        whose = f"{tenant}:{subject}" if subject else tenant
        raise InputError(f"{whose}: has no key in {folder / KEYS}; nothing of theirs can be found")
    wanted = text_hash(key, text)
    return [line for line in chain.lines(folder / CHAIN) if wanted in line["texts"]]
