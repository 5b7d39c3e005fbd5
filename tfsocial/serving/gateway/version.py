"""A version that answers, and what is checked before it does."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tfsocial import files
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.export import golden
from tfsocial.serving.gateway import tokens as counting
from tfsocial.serving.gateway.backends.contract import (
    Backend,
    BackendFull,
    BackendGone,
    BackendRefused,
    Texts,
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
        if files.sha256(path) != expected:
            raise InputError(
                f"{path}: is not the file that was exported; copy the version again, or export it"
            )


async def check_answers(folder: Path, backend: Backend) -> None:
    """Ask a version the requests whose answers its manifest has.

    Raises:
        InputError: an answer is another one.
    """
    known = manifests.read_json(folder / signature.MANIFEST)["golden"]
    found = await _asked(folder, backend, [tuple(request) for request in known["requests"]])
    difference = golden.largest_difference(golden.of_values(known["answers"]), found)
    if not difference <= known["tolerance"]:
        raise InputError(
            f"{folder}: its answers differ by {difference:g} from those it was exported with; "
            "run it on the kind of machine it was made for, or export it again"
        )


async def warmed(folder: Path, backend: Backend, batch_tokens: int) -> float:
    """Have a version compute full batches, as it will under load; gives its tokens a second.

    Raises:
        InputError: it does not answer.
    """
    texts: list[tuple[str, ...]] = []
    total = 0
    for text in itertools.cycle(golden.requests(backend.manifest)):
        tokens = counting.estimate(text, backend.manifest.row_length)
        if texts and (total + tokens > batch_tokens or len(texts) == backend.most_texts):
            break
        texts.append(text)
        total += tokens
    await _asked(folder, backend, texts)  # the first of its shape takes longer
    began = time.monotonic()
    await _asked(folder, backend, texts)
    return total / max(1e-6, time.monotonic() - began)


async def _asked(folder: Path, backend: Backend, texts: Texts) -> Predictions:
    try:
        return await backend(texts, SECONDS)
    except (BackendGone, BackendFull, BackendRefused, TimeoutError) as error:
        raise InputError(f"{folder}: does not answer ({error})") from None


def number_of(folder: Path) -> int:
    return int(folder.name) if folder.name.isdigit() else 1
