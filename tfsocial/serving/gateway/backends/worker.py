"""Versions run on this machine, in processes that the gateway starts and looks after."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tfsocial.errors import InputError
from tfsocial.serving import frames, signature
from tfsocial.serving.gateway.backends.contract import (
    Backend,
    BackendGone,
    BackendRefused,
    Texts,
)
from tfsocial.serving.predictor import Predictions

READY = 180.0  # seconds to load a model
HUNG = 60.0  # seconds for a batch, of which a large one takes one or two
PAUSES = (0.1, 1.0, 5.0, 15.0)  # seconds before a process that ended is started again
COMMAND = (sys.executable, "-m", "tfsocial.serving.worker")


class WorkerBackend(Backend):
    """An exported version in processes of its own.

    Args:
        folder: of the version.
        processes: each holds the model, and works on one batch at a time.
        threads: of each, for one computation; None: the machine's cores shared out.
        most: processes that `scale` may be asked for; the cores are shared out among so many.

    Attributes:
        slots: processes that take batches.
    """

    slots: int

    def __init__(
        self,
        folder: Path,
        processes: int = 1,
        threads: int | None = None,
        most: int | None = None,
    ):
        self.folder, self.slots = folder, processes
        self.manifest = signature.read_manifest(folder)
        shares = max(processes, most or 0)
        self._threads = threads or max(1, len(os.sched_getaffinity(0)) // shares)
        self._workers = [Worker(folder, self._threads) for _ in range(processes)]
        self._idle: asyncio.Queue[tuple[Worker, int]] = asyncio.Queue()  # with its start
        self._restarts: set[asyncio.Task] = set()
        self._scaling = asyncio.Lock()
        self._stopped = False

    async def start(self) -> None:
        """Start the processes and wait until each has loaded the model.

        Raises:
            InputError: one cannot load it.
        """
        await asyncio.gather(*(self._begin(worker) for worker in self._workers))

    async def __call__(self, texts: Texts, seconds: float) -> Predictions:
        """Compute the numbers for n texts.

        A batch that has begun is not broken off: the process would go on with it anyhow.
        """
        worker = await self._take()
        try:
            found = await worker(texts)
        except BackendRefused:
            self._put_back(worker)
            raise
        except BaseException:
            self._restart(worker)  # it is gone, or an answer that nobody took is the next one's
            raise
        self._put_back(worker)
        return found

    async def scale(self, processes: int) -> None:
        """Start or end processes until there are so many.

        One that starts takes batches when it has the model; one ends only when it is idle, and
        meanwhile no batch is sent for it. Cancelled, it leaves what was reached.

        Raises:
            InputError: one cannot load the model, or all are being ended; the others go on.
            ValueError: fewer than one.
        """
        if processes < 1:
            raise ValueError(f"{processes} processes; one is the least")
        async with self._scaling:
            while self.slots < processes:
                await self._grow()
            while self.slots > processes:
                await self._shrink()

    async def stop(self) -> None:
        """End the processes."""
        self._stopped = True
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    @property
    def alive(self) -> bool:
        """Whether a process has the model."""
        return any(worker.alive for worker in self._workers)

    @property
    def processes(self) -> list[int]:
        """Ids of the processes that run."""
        return [worker.process.pid for worker in self._workers if worker.alive and worker.process]

    async def _grow(self) -> None:
        worker = Worker(self.folder, self._threads)
        self._workers.append(worker)  # before it runs: `stop` ends it, too
        try:
            await self._begin(worker)
            if self._stopped:
                raise InputError(f"{self.folder}: its processes are being ended")
        except BaseException:
            try:
                await worker.stop()
            finally:
                self._workers.remove(worker)
            raise
        self.slots += 1

    async def _shrink(self) -> None:
        self.slots -= 1  # first, so that no more batches are sent than processes stay
        try:
            worker = await self._take()
        except BaseException:
            self.slots += 1
            raise
        self._workers.remove(worker)
        await worker.stop()

    async def _begin(self, worker: Worker) -> None:
        """Start a process, and let it take batches.

        Raises:
            InputError: it cannot load the model.
        """
        await worker.start(self._ended)
        self._put_back(worker)

    def _put_back(self, worker: Worker) -> None:
        worker.busy = False
        self._idle.put_nowait((worker, worker.starts))

    async def _take(self) -> Worker:
        """Wait for an idle process; one that was started again meanwhile stands there anew."""
        while True:
            worker, start = await self._idle.get()
            if worker.alive and worker.starts == start:
                worker.busy = True
                return worker

    def _ended(self, worker: Worker) -> None:
        """Hear that a process ended; of one with a batch its batch tells."""
        if not worker.busy and not self._stopped and worker in self._workers:
            self._restart(worker)

    def _restart(self, worker: Worker) -> None:
        task = asyncio.create_task(self._started_again(worker))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _started_again(self, worker: Worker) -> None:
        for pause in (*PAUSES, *[PAUSES[-1]] * 1000):
            await worker.stop()
            await asyncio.sleep(pause)
            with contextlib.suppress(InputError):
                await self._begin(worker)
                return


class Worker:
    """One process.

    Attributes:
        alive: whether it has the model.
        busy: whether it has a batch.
        starts: how often it was started.
    """

    def __init__(self, folder: Path, threads: int):
        self._folder, self._threads = folder, threads
        self.process: asyncio.subprocess.Process | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._watch: asyncio.Task | None = None
        self.alive = self.busy = False
        self.starts = 0

    async def start(self, ended: Callable[[Worker], None]) -> None:
        """Start it and wait until it is ready.

        Args:
            ended: hears if it ends by itself.

        Raises:
            InputError: it cannot load the model, or ended.
        """
        here, there = socket.socketpair()
        with there:
            self.process = await asyncio.create_subprocess_exec(
                *(*COMMAND, str(self._folder.absolute()), str(there.fileno())),
                pass_fds=[there.fileno()],
                env=_environment(self._threads),
            )
        self._streams = await asyncio.open_connection(sock=here)
        try:
            values, _ = await asyncio.wait_for(self._receive(), READY)
        except (BackendGone, TimeoutError):
            values = {"error": f"{self._folder}: the process that was to load it ended"}
        if "error" in values:
            await self.stop()
            raise InputError(values["error"])
        self.alive, self.starts = True, self.starts + 1
        self._watch = asyncio.create_task(self._watched(self.process, ended))

    async def __call__(self, texts: Texts) -> Predictions:
        """Compute the numbers for n texts.

        Raises:
            BackendGone: it ended, or hangs.
            BackendRefused: it cannot.
        """
        if self._streams is None or not self.alive:
            raise BackendGone(f"{self._folder}: the process ended")
        writer = self._streams[1]
        try:
            writer.write(frames.pack({"texts": texts}))
            await writer.drain()
        except OSError:
            raise BackendGone(f"{self._folder}: the process ended") from None
        try:
            values, arrays = await asyncio.wait_for(self._receive(), HUNG)
        except TimeoutError:
            self.alive = False
            raise BackendGone(f"{self._folder}: no answer within {HUNG:g} s") from None
        if "error" in values:
            raise BackendRefused(values["error"])
        return _predictions(arrays)

    async def stop(self) -> None:
        """End it."""
        self.alive = False
        if self._watch is not None:
            self._watch.cancel()
        if self.process is None:
            return
        if self._streams is not None:
            self._streams[1].close()  # which it takes for the end
        try:
            await asyncio.wait_for(self.process.wait(), 5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def _watched(
        self, process: asyncio.subprocess.Process, ended: Callable[[Worker], None]
    ) -> None:
        await process.wait()
        self.alive = False
        ended(self)

    async def _receive(self) -> tuple[dict, Mapping[str, np.ndarray]]:
        assert self._streams is not None
        reader = self._streams[0]
        try:
            head = await reader.readexactly(frames.HEAD.size)
            length, content = frames.HEAD.unpack(head)
            text = await reader.readexactly(length)
            return frames.unpack(text, await reader.readexactly(content))
        except (asyncio.IncompleteReadError, OSError):
            self.alive = False
            raise BackendGone(f"{self._folder}: the process ended") from None


def _predictions(arrays: Mapping[str, np.ndarray]) -> Predictions:
    tasks = {
        name.removeprefix("task "): array
        for name, array in arrays.items()
        if name.startswith("task ")
    }
    return Predictions(tasks, arrays["embedding"])


def _environment(threads: int) -> dict[str, str]:
    return {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "2",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
