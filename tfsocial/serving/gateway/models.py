"""The models that are served: each with its versions, what runs them, and what waits for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from tfsocial import files
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway.backends.contract import Backend
from tfsocial.serving.gateway.change.trial import Bounds, Side, Trial
from tfsocial.serving.gateway.load.batcher import Batcher, Limits, Told
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.gateway.settings import Change, Drift
from tfsocial.serving.gateway.version import (
    Version,
    check_answers,
    check_hashes,
    newest,
    number_of,
    warmed,
)
from tfsocial.serving.gateway.watch.drift import Reference, Watch

log = logging.getLogger(__name__)

MakeBackend = Callable[[Path], Backend]


class ServedModel:
    """A folder of versions, of which one answers.

    Args:
        name: what callers call it.
        folder: of versions, or a version itself.
        make: from a version's folder to what runs it.
        masks: whether texts are masked before the model reads them.
        told: from a version's number to what hears of its load.
        change: how a new version comes to answer; None: at once.
        drift: how it is looked for; None: it is not.

    Attributes:
        current: the version that answers.
        trial: of a version that came since, and `candidate`, that version.
        unloaded: whether nothing is to answer.
        failed: version -> why it is not taken.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        make: MakeBackend,
        limits: Limits,
        masks: bool = False,
        told: Callable[[str, int], Told] = lambda model, version: Told(),
        change: Change | None = None,
        drift: Drift | None = None,
    ):
        self.name, self.masks, self._folder = name, masks, folder
        self._make, self._limits, self._told = make, limits, told
        self._changing, self._change = asyncio.Lock(), change or Change()
        self._drift = drift
        self.current: Version | None = None
        self.candidate: Version | None = None
        self.trial: Trial | None = None
        self.unloaded = False
        self.failed: dict[int, str] = {}
        self._ending: set[asyncio.Task] = set()

    def version(self, wanted: str = "") -> Version:
        """Give the version that answers.

        Raises:
            Problem: none does, or it is not the one wanted.
        """
        if self.current is None and self.unloaded:
            raise Problem("not_found", f"model {self.name!r}: was unloaded; load it first")
        if self.current is None:
            raise Problem("overloaded", f"model {self.name!r}: is being loaded; try again", 2)
        if wanted not in ("", str(self.current.number)):
            raise Problem(
                "not_found",
                f"model {self.name!r}: version {wanted!r} does not answer, "
                f"{self.current.number} does; leave the version out",
            )
        return self.current

    @property
    def alive(self) -> bool:
        """Whether it can be asked now."""
        return self.current is not None and self.current.backend.alive

    async def load(self, number: int | None = None) -> Version:
        """Make a version answer: the newest, or the one named.

        It is checked first: its files' hashes, and its answers to its golden requests. Only then
        do calls go to it; what waits for the version before is still answered by that one.

        Raises:
            InputError: there is none, or it is not what its manifest says.
        """
        async with self._changing:
            folder = self._folder_of(number)
            if self.current and self.current.number == number_of(folder):
                return self.current
            version = await self._opened(folder)
            before, self.current = self.current, version
            self.unloaded = False
        if before:
            await before.end()
        return version

    async def unload(self) -> None:
        """Answer what waits, and no more."""
        async with self._changing:
            before, self.current, self.unloaded = self.current, None, True
            await self._end_trial()
        if before:
            await before.end()
        await asyncio.gather(*self._ending)

    async def follow(self) -> bool:
        """Take up a version that came since; tells whether one did. A bad one is named and left."""
        number = number_of(newest(self._folder))
        there = [one.number for one in (self.current, self.candidate) if one]
        if self.current is None or number <= max(there) or number in self.failed:
            return False
        try:
            if self._change.mode == "switch":
                await self.load(number)
                log.warning("model %s: version %d answers now", self.name, number)
            else:
                await self._try(number)
                log.warning(
                    "model %s: version %d is a %s now", self.name, number, self._change.mode
                )
        except InputError as error:
            self._refuse(number, str(error))
            return False
        return True

    def choose(self, wanted: str, who: str) -> tuple[Version, bool]:
        """Give the version that answers somebody, and whether it is the one on trial.

        Raises:
            Problem: see `version`.
        """
        current, trial = self.version(wanted), self.trial
        if trial and self.candidate and not wanted and trial.takes(who):
            return self.candidate, True
        return current, False

    async def _try(self, number: int) -> None:
        """Set up a trial of a version.

        Raises:
            InputError: it is not what its manifest says.
        """
        async with self._changing:
            await self._end_trial()
            candidate = await self._opened(self._folder_of(number))
            if self.current is None:
                await candidate.end()
            else:
                self.begin_trial(self.current, candidate)

    def begin_trial(self, current: Version, candidate: Version) -> None:
        """Compare a version with the one that answers, from now on."""
        change, self.candidate = self._change, candidate
        self.trial = Trial(
            change.mode,
            Side(current.manifest, current.batcher),
            Side(candidate.manifest, candidate.batcher),
            change.share,
            Bounds(change.agreement, change.failures, change.slower, change.seconds),
            self._decided,
        )

    def _decided(self, reason: str) -> None:
        """Act on a trial's verdict; what waits for the version that goes is still answered."""
        candidate, current = self.candidate, self.current
        self.trial = self.candidate = None
        if candidate is None:
            return
        if reason:
            self._refuse(candidate.number, reason)
            gone: Version | None = candidate
        else:
            log.warning("model %s: version %d answers now", self.name, candidate.number)
            self.current, gone = candidate, current
        if gone:
            task = asyncio.create_task(gone.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end_trial(self) -> None:
        trial, candidate = self.trial, self.candidate
        self.trial = self.candidate = None
        if trial and candidate:
            await trial.end()
            await candidate.end()

    def _refuse(self, number: int, reason: str) -> None:
        self.failed[number] = reason
        log.error("model %s: version %d is not taken: %s", self.name, number, reason)

    def _folder_of(self, number: int | None) -> Path:
        folder = newest(self._folder) if number is None else self._folder / str(number)
        if not (folder / signature.MANIFEST).is_file():
            raise InputError(f"{folder}: is no exported version; `tfsocial export` writes one")
        return folder

    async def _opened(self, folder: Path) -> Version:
        await asyncio.to_thread(check_hashes, folder)
        backend = self._make(folder)
        await backend.start()
        try:
            await check_answers(folder, backend)
            pace = await warmed(folder, backend, self._limits.batch_tokens)
        except BaseException:
            await backend.stop()
            raise
        number = number_of(folder)
        batcher = Batcher(backend, self._limits, self._told(self.name, number), pace)
        watch = await asyncio.to_thread(self._watch, folder, number, backend.manifest)
        return Version(number, files.sha256(folder / signature.MANIFEST), backend, batcher, watch)

    def _watch(self, folder: Path, number: int, manifest: ModelManifest) -> Watch | None:
        values = manifests.read_json(folder / signature.MANIFEST)["reference"]
        if self._drift is None or values is None:
            return None
        rows, path = self._drift.texts, self._drift.windows
        reference = Reference(manifest, values, rows, self._drift.false_alarms)
        return Watch(self.name, number, reference, rows, path)


class Models:
    """All models, by name.

    Attributes:
        ending: whether new requests had better go elsewhere.
    """

    def __init__(self, models: Sequence[ServedModel]):
        self._models = {model.name: model for model in models}
        self.ending = False

    def __getitem__(self, name: str) -> ServedModel:
        try:
            return self._models[name]
        except KeyError:
            raise Problem("not_found", f"model {name!r}: is not served here") from None

    def __iter__(self):
        return iter(self._models.values())

    def known(self, name: str) -> str:
        """Give the name if it is a model's; else nothing: a metric takes no other names."""
        return name if name in self._models else ""

    @property
    def only(self) -> str:
        """Name of the only model; empty if there are several."""
        return next(iter(self._models)) if len(self._models) == 1 else ""

    @property
    def ready(self) -> bool:
        """Whether every loaded model can be asked; a full line is no reason not to be."""
        return not self.ending and all(model.unloaded or model.alive for model in self)
