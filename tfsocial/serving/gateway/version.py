"""A version that answers, and what is checked before it does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway.backends.contract import (
    Backend,
    BackendFull,
    BackendGone,
    BackendRefused,
)
from tfsocial.serving.gateway.load.batcher import Batcher
from tfsocial.serving.gateway.watch.drift import Watch
from tfsocial.serving.predictor import Predictions

SECONDS = 60.0  # for the golden requests


@dataclass(frozen=True)
class Version:
    """A version that answers.

    Attributes:
        number: of its folder.
        manifest_hash: SHA-256 of manifest.json, hexadecimal.
        watch: of drift; None where the manifest has no reference.
    """

    number: int
    manifest_hash: str
    backend: Backend
    batcher: Batcher
    watch: Watch | None = None

    @property
    def manifest(self) -> ModelManifest:
        """Its tasks, labels and text columns."""
        return self.backend.manifest

    async def end(self) -> None:
        """Answer what waits, then end what runs it."""
        await self.batcher.drained()
        await self.backend.stop()


def newest(folder: Path) -> Path:
    """Give the folder of the highest version; `folder` itself if it is one, or has none.

    Unlike `versions.newest` it goes by manifests: another server may have the graphs.
    """
    if (folder / signature.MANIFEST).is_file():
        return folder
    numbers = [int(path.parent.name) for path in folder.glob(f"[0-9]*/{signature.MANIFEST}")]
    return folder / str(max(numbers)) if numbers else folder


def check_hashes(folder: Path) -> None:
    """Compare a version's files with its manifest; a manifest alone has none.

    Raises:
        InputError: a file is missing, or is another than the one that was exported.
    """
    if [path.name for path in folder.iterdir()] == [signature.MANIFEST]:
        return
    values: Mapping[str, str] = manifests.read_json(folder / signature.MANIFEST)["files"]
    for name, expected in values.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path}: is missing; copy the version whole, or export it again")
        if sha256(path) != expected:
            raise InputError(
                f"{path}: is not the file that was exported; copy the version again, or export it"
            )


async def check_answers(folder: Path, backend: Backend) -> None:
    """Ask a version the requests whose answers its manifest has.

    Raises:
        InputError: an answer is another one.
    """
    known = manifests.read_json(folder / signature.MANIFEST)["golden"]
    requests: list[tuple[str, ...]] = [tuple(request) for request in known["requests"]]
    try:
        found = await backend(requests, SECONDS)
    except (BackendGone, BackendFull, BackendRefused, TimeoutError) as error:
        raise InputError(f"{folder}: does not answer ({error})") from None
    difference = _difference(known["answers"], found)
    if not difference <= known["tolerance"]:
        raise InputError(
            f"{folder}: its answers differ by {difference:g} from those it was exported with; "
            "run it on the kind of machine it was made for, or export it again"
        )


def sha256(path: Path) -> str:
    """Hash a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _difference(known: Mapping, found: Predictions) -> float:
    pairs = [
        (known["embedding"], found.embedding),
        *((values, found.tasks[task]) for task, values in known["tasks"].items()),
    ]
    return max(float(np.max(np.abs(np.asarray(one) - other))) for one, other in pairs)


def number_of(folder: Path) -> int:
    return int(folder.name) if folder.name.isdigit() else 1
