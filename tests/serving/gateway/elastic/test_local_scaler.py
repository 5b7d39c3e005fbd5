"""Processes that come and go by what waits: with a real model, every answer right."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from tfsocial.errors import InputError
from tfsocial.serving.gateway import assemble, settings
from tfsocial.serving.gateway.backends.worker import WorkerBackend
from tfsocial.serving.gateway.elastic.hpa import Policy, Rules
from tfsocial.serving.gateway.elastic.local_scaler import LocalScaler
from tfsocial.serving.gateway.load.batcher import Batcher, Limits
from tfsocial.serving.gateway.models import ServedModel
from tfsocial.serving.gateway.version import Version
from tfsocial.serving.loading import load_predictor

TEXTS = [f"my card is {word}" for word in ("good", "late", "a fee", "here", "not here", "a card")]
TOKENS = 6  # of each, about
BATCH = 24
READY = 90.0
AT_ONCE = Rules(0.0, (Policy("pods", 1, 0.1),))


@pytest.fixture(scope="module")
def version(folders) -> Path:
    return folders("classify")[1]


@pytest.fixture(scope="module")
def expected(version) -> dict[str, np.ndarray]:
    found = load_predictor(version)([(text,) for text in TEXTS]).tasks["mood"]
    return dict(zip(TEXTS, found, strict=True))


@asynccontextmanager
async def served(version: Path, processes: int = 1):
    """A model called mood, run by processes."""
    backend = WorkerBackend(version, processes, threads=1)
    await backend.start()
    model = ServedModel("mood", version.parent, lambda folder: backend, Limits())
    model.current = Version(1, "", backend, Batcher(backend, Limits(batch_tokens=BATCH)))
    try:
        yield model, backend
    finally:
        await backend.stop()


async def asks(model: ServedModel, expected: dict[str, np.ndarray], ended: asyncio.Event) -> int:
    """A caller who asks until the end; counts the answers, each of which is right."""
    count = 0
    while not ended.is_set():
        texts = [TEXTS[(count + place) % len(TEXTS)] for place in range(4)]
        asked = [(text,) for text in texts]
        found = await model.current.batcher(asked, [TOKENS] * 4, "a", 60.0)
        rows = np.stack([expected[text] for text in texts])
        np.testing.assert_allclose(found.tasks["mood"], rows, atol=1e-5)
        count += 1
    return count


async def until(holds) -> None:
    deadline = time.monotonic() + READY
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def test_a_second_process_comes_under_load_and_goes_after(version, expected):
    async def whole():
        async with served(version) as (model, backend):
            scaler = LocalScaler(model, 1, 2, BATCH, 0.1, AT_ONCE, AT_ONCE)
            running = asyncio.create_task(scaler.run())
            ended = asyncio.Event()
            callers = [asyncio.create_task(asks(model, expected, ended)) for _ in range(6)]
            await until(lambda: backend.slots == 2)
            both = backend.processes
            assert len(both) == model.current.batcher.at_once == 2
            await asyncio.sleep(0.5)
            ended.set()
            counts = await asyncio.gather(*callers)
            await until(lambda: backend.slots == 1 and len(backend.processes) == 1)
            (gone,) = set(both) - set(backend.processes)
            await until(lambda: not Path(f"/proc/{gone}").exists())
            running.cancel()
            return counts

    assert min(asyncio.run(whole())) > 0


@pytest.mark.long
def test_up_and_down_and_killed_meanwhile_costs_nobody_an_answer(version, expected):
    """Processes come, go and are killed while callers ask; each answer is right."""

    async def whole():
        async with served(version) as (model, backend):
            ended = asyncio.Event()
            callers = [asyncio.create_task(asks(model, expected, ended)) for _ in range(6)]
            for count in (2, 1, 2):
                await backend.scale(count)
                model.current.batcher.resized()
                assert len(backend.processes) == backend.slots == count
            os.kill(backend.processes[0], signal.SIGKILL)
            await backend.scale(1)
            await until(lambda: len(backend.processes) == 1)
            ended.set()
            return await asyncio.gather(*callers)

    assert sum(asyncio.run(whole())) > 20


@pytest.mark.long
def test_a_process_that_works_is_waited_for(version):
    """It ends when its batch is answered; no further batch waits for it."""

    async def whole():
        async with served(version, 2) as (_, backend):
            many = [(text,) for text in TEXTS] * 300
            batches = [asyncio.create_task(backend(many, 60)) for _ in range(2)]
            await asyncio.sleep(0.01)
            shrinking = asyncio.create_task(backend.scale(1))
            await asyncio.sleep(0.01)
            assert (backend.slots, len(backend.processes)) == (1, 2)
            found = await asyncio.gather(*batches)
            await shrinking
            assert [len(one.embedding) for one in found] == [1800, 1800]
            assert len(backend.processes) == 1

    asyncio.run(whole())


@pytest.mark.long
def test_what_is_broken_off_leaves_the_processes_as_they_were(version):
    async def whole():
        async with served(version) as (_, backend):
            for wait in (0.0, 0.3):  # before there is a process, and while it loads
                growing = asyncio.create_task(backend.scale(2))
                await asyncio.sleep(wait)
                growing.cancel()
                with suppress(asyncio.CancelledError):
                    await growing
                assert (backend.slots, len(backend._workers)) == (1, 1)
            busy = asyncio.create_task(backend([(TEXTS[0],)] * 2000, 60))
            await backend.scale(2)
            growing = asyncio.create_task(backend.scale(3))
            await asyncio.sleep(0.3)
            await backend.stop()  # while one comes
            with pytest.raises(InputError):
                await growing
            with suppress(Exception):
                await busy
            assert backend.processes == []

    asyncio.run(whole())


def test_fewer_than_one_is_refused(version):
    with pytest.raises(ValueError, match="one is the least"):
        asyncio.run(WorkerBackend(version).scale(0))


@pytest.mark.long
def test_the_command_does_so(serve, version, tmp_path):
    """`tfsocial serve` with `processes_most`: a second process answers while callers ask."""
    values = {
        "models": {"mood": {"folder": str(version.parent), "processes_most": 2}},
        "access": {"keys": str(tmp_path / "keys"), "secret": str(tmp_path / "secret")},
        "listen": {"port": 0, "grpc_port": 0, "admin_port": 0},
        "load": {"batch_tokens": 24},
    }
    (tmp_path / "gateway.yaml").write_text(json.dumps(values))
    there = serve(f"--config={tmp_path / 'gateway.yaml'}")
    deadline = time.monotonic() + READY
    statuses = set()
    with ThreadPoolExecutor(6) as pool:
        while "model mood: 2 processes now" not in there.log.read_text():
            assert time.monotonic() < deadline
            statuses |= {one.status_code for one in pool.map(there.classify, [TEXTS * 5] * 12)}
    assert statuses == {200}
    assert there.stop() == 0


# --- without processes -----------------------------------------------------------------------


class _Counted(WorkerBackend):
    """Counts processes and starts none."""

    def __init__(self):
        self.slots, self.asked = 1, 0
        self.error: InputError | None = None

    async def scale(self, processes: int) -> None:
        self.asked += 1
        if self.error:
            raise self.error
        self.slots = processes


def quiet(tokens: int = 0) -> tuple[ServedModel, _Counted]:
    backend = _Counted()
    model = ServedModel("mood", Path("none"), lambda folder: backend, Limits())
    model.current = Version(1, "", backend, Batcher(backend, Limits()))
    model.current.batcher._busy = Counter(a=tokens)
    return model, backend


def looked(model: ServedModel, scaler: LocalScaler, seconds: range) -> list[int]:
    async def all_of_them():
        found = []
        for second in seconds:
            await scaler.look(float(second))
            found.append(model.current.backend.slots)
        return found

    return asyncio.run(all_of_them())


def test_a_moment_starts_no_process_and_a_pause_ends_none():
    """Three looks in a row for one more, of 512 tokens each; a minute of quiet for one less."""
    model, _ = quiet(1800)
    scaler = LocalScaler(model, 1, 3, 2048)
    assert looked(model, scaler, range(6)) == [1, 2, 2, 3, 3, 3]
    model.current.batcher._busy.clear()
    assert looked(model, scaler, range(6, 100)) == [3] * 59 + [2] * 10 + [1] * 25


def test_a_process_that_cannot_load_is_said_and_not_tried_for_a_minute(caplog):
    model, backend = quiet(4000)
    backend.error = InputError("the process that was to load it ended")
    assert looked(model, LocalScaler(model, 1, 3, 2048), range(60)) == [1] * 60
    assert backend.asked == 1
    assert caplog.text.count("model mood: stays at 1 processes: the process that was to") == 1


def test_a_new_version_begins_with_as_many_processes_as_the_one_before():
    model, _ = quiet(4000)
    scaler = LocalScaler(model, 1, 3, 2048)
    looked(model, scaler, range(8))
    backend = _Counted()
    model.current = Version(2, "", backend, Batcher(backend, Limits()))
    assert looked(model, scaler, range(8, 9)) == [3]


def test_the_setting(version, tmp_path):
    """By default the number stays; the cores are shared out among as many as there may be."""
    model = {"folder": str(version.parent), "processes": 1, "threads": 3}
    access = {"keys": str(tmp_path / "keys"), "secret": str(tmp_path / "secret")}
    made = settings.of_values({"models": {"mood": model}, "access": access}, "test")
    assert made.models["mood"].processes_most is None
    model["processes_most"] = 2
    made = settings.of_values({"models": {"mood": model}, "access": access}, "test")
    assert assemble.make(made)
    cores = len(os.sched_getaffinity(0))
    assert WorkerBackend(version, 1, None, 2)._threads == max(1, cores // 2)
    with pytest.raises(InputError, match=r"models\.mood\.processes_most: is below processes, 3"):
        settings.of_values({"models": {"mood": {**model, "processes": 3}}}, "test")
