"""API keys: 256 random bits each, of which a file keeps a prefix and a keyed hash.

A password needs a slow hash because people choose it; 256 random bits cannot be guessed, whatever
the hash costs. argon2 would take fifteen times as long as the model (183 ms and 12 ms).

Keys are a file, not a table: a Kubernetes Secret is mounted as one, and a gateway needs no database
to know who asks. It is read again when it changes, so keys come and go without a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tfsocial import files
from tfsocial.errors import InputError
from tfsocial.serving.gateway.access.callers import ANY, ASKING, VERBS, Caller

FILE, SECRET = "keys.jsonl", "secret"  # in a gateway's folder
MARK = "tfs"  # what a key begins with, so that scanners of repositories know one
PREFIX_BYTES, SECRET_BYTES = 6, 32

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """What is kept of a key: one line of the file.

    Attributes:
        prefix: tells it from others; not secret.
        hash: HMAC-SHA-256 of the whole key with the gateway's secret, hexadecimal.
        models, verbs: each verb is granted on each model; * is any.
        tenant, priority: see `Caller`.
        expires: ISO 8601 with a time zone; empty: never.
        note: for people.
    """

    prefix: str
    hash: str
    tenant: str
    models: tuple[str, ...] = (ANY,)
    verbs: tuple[str, ...] = ASKING
    priority: int = 1
    expires: str = ""
    note: str = ""

    @property
    def caller(self) -> Caller:
        """Who comes with it."""
        grants = tuple(itertools.product(self.models, self.verbs))
        return Caller(self.tenant, grants, self.prefix, self.priority)

    @property
    def expired(self) -> bool:
        """Whether its time has passed."""
        return bool(self.expires) and datetime.now(UTC) >= datetime.fromisoformat(self.expires)


def new(
    secret: bytes,
    tenant: str,
    models: Sequence[str] = (ANY,),
    verbs: Sequence[str] = ASKING,
    priority: int = 1,
    expires: str = "",
    note: str = "",
) -> tuple[str, Key]:
    """Make up a key: what is given to its owner, once, and what is kept.

    Raises:
        InputError: an unknown verb, no tenant, or a time that is none.
    """
    prefix = secrets.token_hex(PREFIX_BYTES)
    key = f"{MARK}_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    made = Key(
        prefix, digest(secret, key), tenant, tuple(models), tuple(verbs), priority, expires, note
    )
    _check(made, "key")
    return key, made


def digest(secret: bytes, key: str) -> str:
    """Hash a key.

    >>> digest(b"s", "tfs_a_b")[:8]
    '1a3c8bdf'
    """
    return hmac.digest(secret, key.encode("utf-8", "replace"), hashlib.sha256).hex()


def read(path: Path) -> dict[str, Key]:
    """Read a file of keys: prefix -> key. One that is not there has none.

    Raises:
        InputError: a line is broken; names it.
    """
    if not path.exists():
        return {}
    keys = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            key = _of_line(line, f"{path}:{number}")
            keys[key.prefix] = key
    return keys


def write(path: Path, keys: Mapping[str, Key]) -> None:
    """Write a file of keys, whole or not at all, for its owner alone to read."""
    lines = [json.dumps(asdict(key), ensure_ascii=False) + "\n" for key in keys.values()]
    with files.replacing(path) as partial:
        partial.touch(0o600)
        partial.write_text("".join(lines), "utf-8")


def read_secret(path: Path) -> bytes:
    """Read the secret that keys are hashed with; makes one up if there is none.

    Raises:
        InputError: it is too short to be one.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes().strip()
        if len(secret) < SECRET_BYTES:
            raise InputError(
                f"{path}: has {len(secret)} bytes, and a secret has {SECRET_BYTES} at the least; "
                "remove it, and make the keys anew"
            ) from None
        return secret
    secret = secrets.token_hex(SECRET_BYTES).encode()
    with open(descriptor, "wb") as file:
        file.write(secret + b"\n")
    return secret


class KeyRing:
    """The keys of a file, read again when it changes.

    Args:
        secret: see `digest`.

    Raises:
        InputError: see `read`; later, a broken file leaves the keys as they were.
    """

    def __init__(self, path: Path, secret: bytes):
        self._path, self._secret = path, secret
        self._seen, self._keys = self._stamp(), read(path)

    def caller(self, key: str) -> Caller | None:
        """Tell who comes with a key; None: nobody who is known."""
        self._reread()
        _, _, rest = key.partition("_")
        prefix = rest.partition("_")[0]
        kept = self._keys.get(prefix)
        expected = kept.hash if kept else ""
        # Hashed and compared also where there is no such prefix: it takes as long.
        right = hmac.compare_digest(digest(self._secret, key), expected)
        return kept.caller if kept and right and not kept.expired else None

    def keys(self) -> Mapping[str, Key]:
        """Give the keys there are, by prefix."""
        self._reread()
        return self._keys

    def _reread(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._keys = read(self._path)
        except (InputError, OSError) as error:
            log.error("%s; the keys stay as they were", error)

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return 0, 0, 0
        return found.st_mtime_ns, found.st_size, found.st_ino


def _of_line(line: str, where: str) -> Key:
    try:
        values = json.loads(line)
        key = Key(**{**values, **{name: tuple(values[name]) for name in ("models", "verbs")}})
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{where}: is no key ({error}); `tfsocial keys` writes them") from None
    _check(key, where)
    return key


def _check(key: Key, where: str) -> None:
    if not key.tenant:
        raise InputError(f"{where}: names no tenant")
    if strange := set(key.verbs) - {*VERBS, ANY}:
        raise InputError(f"{where}: verb {min(strange)!r} is not known; {', '.join(VERBS)} are")
    try:
        aware = not key.expires or datetime.fromisoformat(key.expires).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise InputError(
            f"{where}: expires={key.expires!r} is no time; write 2027-01-31T00:00:00+00:00"
        )
