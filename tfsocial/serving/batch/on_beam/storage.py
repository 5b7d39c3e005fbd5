"""Files of a batch job through Beam's FileSystems, so that gs:// and others work as local ones."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tfsocial.errors import InputError
from tfsocial.serving import signature, versions

PARTIAL = ".partial"
_AS_IT_IS = CompressionTypes.UNCOMPRESSED  # else a name that ends in .gz decides


def matches(patterns: Sequence[str]) -> dict[str, int]:
    """List the files of --input, those of each pattern sorted: path -> size in bytes.

    Raises:
        InputError: a pattern matches no file.
    """
    files: dict[str, int] = {}
    for pattern in patterns:
        found = _match(os.path.expanduser(pattern))
        if not found:
            raise InputError(f"--input={pattern}: matches no file; correct the path or the pattern")
        files |= dict(sorted(found.items()))
    return files


def _match(pattern: str) -> dict[str, int]:
    if os.path.isfile(pattern):  # a name may hold glob characters
        return {pattern: os.path.getsize(pattern)}
    with _reached(pattern):
        (found,) = FileSystems.match([pattern])
    return {item.path: item.size_in_bytes for item in found.metadata_list}


@contextlib.contextmanager
def _reached(path: str) -> Iterator[None]:
    """Turn what Beam says of storage that it cannot reach into an InputError that names the path.

    Raises:
        InputError: there are no credentials, or nobody knows the scheme.
    """
    try:
        yield
    except (BeamIOError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: cannot be reached ({reason}); check the path, the credentials and the "
            "package of its storage (apache-beam[gcp] for gs://)"
        ) from None


def files_in(folder: str) -> set[str]:
    """Name the files in a folder and below it, from the folder on; none if it is not there."""
    beginning = folder.rstrip("/") + "/"
    names = {path.partition(beginning)[2] for path in _match(f"{beginning}**")}
    return names - {""}


def write(path: str, content: bytes) -> None:
    """Write a file whole or not at all: beside its place, then renamed.

    Whoever else writes it at the same time has another name beside it, and the same content.
    """
    folder, _, name = path.rpartition("/")
    partial = f"{folder}/.{name}.{secrets.token_hex(8)}{PARTIAL}"
    with FileSystems.create(partial, compression_type=_AS_IT_IS) as out:
        out.write(content)
        out.flush()
        # Of a local file only: a power cut could leave the name and not what is in it.
        with contextlib.suppress(AttributeError, io.UnsupportedOperation):
            os.fsync(out.fileno())
    FileSystems.rename([partial], [path])


def write_or_remove(path: str, content: bytes) -> None:
    """Write a file, or see to it that there is none if it would be empty."""
    if content:
        write(path, content)
    elif exists(path):
        FileSystems.delete([path])


def write_json(path: str, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    write(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def read(path: str) -> bytes:
    """Read a file."""
    with FileSystems.open(path, compression_type=_AS_IT_IS) as source:
        return source.read()


def exists(path: str) -> bool:
    """Tell whether a file is there."""
    with _reached(path):
        return FileSystems.exists(path)


def sweep(folder: str) -> None:
    """Remove what killed runs have left beside the places of files."""
    left = [f"{folder}/{name}" for name in files_in(folder) if name.endswith(PARTIAL)]
    if left:
        FileSystems.delete(left)


@contextlib.contextmanager
def at_hand(file: str) -> Iterator[Path]:
    """Give a file's path on this machine; a remote one is copied for as long as it is read."""
    if "://" not in file:
        yield Path(file)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _fetched(file, Path(folder) / file.rpartition("/")[2])


def _fetched(file: str, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        FileSystems.open(file, compression_type=_AS_IT_IS) as source,
        target.open("wb") as out,
    ):
        shutil.copyfileobj(source, out, 2**20)
    return target


def model_folder(name: str) -> str:
    """Give the folder of --model's newest version, or of the version that it is.

    Raises:
        InputError: it is no exported model.
    """
    folder = name.rstrip("/") if "://" in name else str(versions.newest(Path(name)))
    if exists(f"{folder}/{signature.MANIFEST}"):
        return folder
    raise InputError(
        f"--model={name}: is no exported model with its {signature.MANIFEST}"
        + (" (name the folder of one version)" if "://" in name else "")
        + "; tfsocial export writes one"
    )


def fingerprint(model: str) -> str:
    """Hash a model's manifest, in which the hashes of all its files stand."""
    return hashlib.sha256(read(f"{model}/{signature.MANIFEST}")).hexdigest()


@contextlib.contextmanager
def model_at_hand(model: str) -> Iterator[Path]:
    """Give a model's folder on this machine; a remote one is copied while it is loaded."""
    with at_hand(f"{model}/{signature.MANIFEST}") as manifest:
        if "://" in model:
            for name in json.loads(manifest.read_text("utf-8"))["files"]:
                _fetched(f"{model}/{name}", manifest.parent / name)
        yield manifest.parent
