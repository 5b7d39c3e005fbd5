"""Processes that hang, fail or refuse, and what their owner makes of it."""

from __future__ import annotations

import asyncio
import os
import signal

import numpy as np
import pytest

from tfsocial.errors import InputError
from tfsocial.serving import frames
from tfsocial.serving.gateway.backends import worker
from tfsocial.serving.gateway.backends.contract import BackendGone
from tfsocial.serving.gateway.backends.worker import WorkerBackend
from tfsocial.serving.gateway.load.batcher import Batcher, Limits

TEXTS = [("it is late",), ("my card is good",)]


def test_a_process_that_hangs_is_ended_and_its_batch_asked_anew(folders, monkeypatch):
    monkeypatch.setattr(worker, "PAUSES", (0.0,))

    async def hung():
        backend = WorkerBackend(folders("classify")[1])
        await backend.start()
        batcher = Batcher(backend, Limits())
        expected = await batcher(TEXTS, [5, 6], "a", 60)
        monkeypatch.setattr(worker, "HUNG", 1.0)
        (before,) = backend.processes
        os.kill(before, signal.SIGSTOP)
        task = asyncio.create_task(batcher(TEXTS, [5, 6], "a", 120))
        await asyncio.sleep(1.5)
        monkeypatch.setattr(worker, "HUNG", 60.0)
        found = await task
        (after,) = backend.processes
        await backend.stop()
        return expected, found, before, after

    expected, found, before, after = asyncio.run(hung())
    np.testing.assert_allclose(found.tasks["mood"], expected.tasks["mood"], atol=1e-6)
    assert after != before
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_a_folder_without_a_model_is_named(tmp_path, folders):
    import shutil

    broken = tmp_path / "1"
    shutil.copytree(folders("classify")[1], broken)
    (broken / "saved_model.pb").write_bytes(b"broken")

    async def start():
        await WorkerBackend(broken).start()

    with pytest.raises(InputError, match="the process that was to load it ended"):
        asyncio.run(start())


def test_who_is_stopped_answers_no_more(folders):
    async def stopped():
        backend = WorkerBackend(folders("classify")[1])
        await backend.start()
        (pid,) = backend.processes
        await backend.stop()
        assert not backend.alive
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        one = worker.Worker(folders("classify")[1], 1)
        with pytest.raises(BackendGone):
            await one(TEXTS)

    asyncio.run(stopped())


def test_frames_hold_any_arrays():
    values = {"texts": [["a\ud83d"]]}
    arrays = {"a": np.zeros([0, 3], np.float32), "b": np.arange(6, dtype=np.int64).reshape(2, 3)}
    said, found = frames.unpack(*frames.parts(frames.pack(values, arrays)))
    assert said == values
    assert found["a"].shape == (0, 3)
    np.testing.assert_array_equal(found["b"], arrays["b"])
