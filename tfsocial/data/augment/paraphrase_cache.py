"""Paraphrases on disk: what each translator made of each text, and how near it came by M0.

One SQLite file. What is committed survives a kill at any moment; what is not committed was never
there. A text is known by its hash, so the file holds no text of the data but its paraphrases.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfsocial.errors import InputError

FILE = "paraphrases.sqlite"

_WAIT = 60.0  # seconds for another process to commit

_TABLES = """
    CREATE TABLE IF NOT EXISTS translator (
        identity TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, resources TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS paraphrase (
        fingerprint TEXT, text TEXT, draw INTEGER, paraphrase TEXT NOT NULL,
        PRIMARY KEY (fingerprint, text, draw)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS similarity (
        yardstick TEXT, text TEXT, paraphrase TEXT, cosine REAL NOT NULL,
        PRIMARY KEY (yardstick, text, paraphrase)) WITHOUT ROWID;
"""


def key(text: str) -> str:
    """Compute the sha256 of a text.

    >>> key("abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Identity:
    """Says who translates.

    Attributes:
        knobs: of the config, as far as they decide what comes out.
        resources: what was taken from others for it, with the hashes of their contents:
            JSON values of a `resources.Resource` each.
    """

    knobs: Mapping[str, Any]
    resources: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """Writes the knobs as one string."""
        return json.dumps(self.knobs, sort_keys=True)

    @property
    def fingerprint(self) -> str:
        """Hashes it all: another one where a knob or the content of a resource is another."""
        contents = [f"{one['version']} {one['sha256']}" for one in self.resources]
        return key("\n".join([self.name, *contents]))


@dataclass(frozen=True)
class Cache:
    """The file, open. All that is asked or added concerns one translator, `fingerprint`."""

    connection: sqlite3.Connection
    fingerprint: str

    def missing(self, texts: Sequence[str], draw: int) -> list[str]:
        """List those texts without a paraphrase of this draw, each once, in their order."""
        asked = "SELECT text FROM paraphrase WHERE fingerprint = ? AND draw = ?"
        known = {text for (text,) in self.connection.execute(asked, (self.fingerprint, draw))}
        return [text for text in dict.fromkeys(texts) if key(text) not in known]

    def add(self, draw: int, made: Mapping[str, str]) -> None:
        """Add text -> its paraphrase, empty where there is none; on disk when this returns."""
        rows = [(self.fingerprint, key(text), draw, new) for text, new in made.items()]
        with self.connection:
            self.connection.executemany(
                "INSERT OR REPLACE INTO paraphrase VALUES (?, ?, ?, ?)", rows
            )

    def paraphrases(self, texts: Sequence[str], count: int) -> dict[str, list[str]]:
        """Look up text -> its paraphrases of the first `count` draws, in order, if any.

        An empty one says that the translator had none.
        """
        asked = (
            "SELECT text, paraphrase FROM paraphrase WHERE fingerprint = ? AND draw < ? "
            "ORDER BY text, draw"
        )
        known: dict[str, list[str]] = {}
        for text, paraphrase in self.connection.execute(asked, (self.fingerprint, count)):
            known.setdefault(text, []).append(paraphrase)
        return {text: known[key(text)] for text in dict.fromkeys(texts) if key(text) in known}

    def measure(self, yardstick: str, cosines: Mapping[tuple[str, str], float]) -> None:
        """Add (text, paraphrase) -> cosine; on disk when this returns."""
        rows = [
            (yardstick, key(one), key(other), cosine) for (one, other), cosine in cosines.items()
        ]
        with self.connection:
            self.connection.executemany(
                "INSERT OR REPLACE INTO similarity VALUES (?, ?, ?, ?)", rows
            )

    def cosines(
        self, yardstick: str, pairs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], float]:
        """Look up (text, paraphrase) -> cosine, of those pairs that were measured."""
        asked = "SELECT text, paraphrase, cosine FROM similarity WHERE yardstick = ?"
        known = {
            (one, other): near for one, other, near in self.connection.execute(asked, (yardstick,))
        }
        keys = {pair: (key(pair[0]), key(pair[1])) for pair in pairs}
        return {pair: known[hashed] for pair, hashed in keys.items() if hashed in known}


@contextlib.contextmanager
def filling(folder: Path, identity: Identity) -> Iterator[Cache]:
    """Open a translator's cache, made if need be; runs with its knobs will read what it holds.

    Raises:
        InputError: the file is no cache.
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder / FILE, "rwc") as connection:
        connection.executescript(_TABLES)
        resources = json.dumps(identity.resources, ensure_ascii=False)
        with connection:
            connection.execute(
                "INSERT OR REPLACE INTO translator VALUES (?, ?, ?)",
                (identity.name, identity.fingerprint, resources),
            )
        yield Cache(connection, identity.fingerprint)


@contextlib.contextmanager
def reading(folder: Path, knobs: Mapping[str, Any]) -> Iterator[tuple[Cache, Identity]]:
    """Open the cache of the translator last used with these knobs, and say who that is.

    The translator itself need not be on this machine.

    Raises:
        InputError: the cache is not there, is none, or has nothing of such a translator.
    """
    if not (folder / FILE).is_file():
        raise InputError(
            f"data.back_translation.cache: {folder} holds no paraphrases; "
            "run python -m tfsocial augment with this config first"
        )
    with _opened(folder / FILE, "rw") as connection:
        asked = "SELECT fingerprint, resources FROM translator WHERE identity = ?"
        row = connection.execute(asked, (Identity(knobs, ()).name,)).fetchone()
        if row is None:
            raise InputError(
                f"data.back_translation: {folder} holds paraphrases, but none of a translator with "
                "these settings; run python -m tfsocial augment with this config first"
            )
        yield Cache(connection, row[0]), Identity(knobs, tuple(json.loads(row[1])))


@contextlib.contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        address = f"{path.resolve().as_uri()}?mode={mode}"
        with contextlib.closing(sqlite3.connect(address, _WAIT, uri=True)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{path}: cannot be used as a cache of paraphrases ({error}); "
            "check the disk, or move the file away to begin anew"
        ) from None
