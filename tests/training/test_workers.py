"""Several workers: two real processes over loopback are one process with the same global batch."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import time
from pathlib import Path

import killed_run
import numpy as np
import pytest
import tiny_run
from safetensors.numpy import load_file

LONGEST = 240  # seconds
SETTINGS = (
    *("training.epochs=3", "training.checkpoint_every=5", "data.rows=2", "training.log_every=1"),
    "objectives.community={feature_cosine: {}}",
    "objectives.papers={supervised_contrastive: {}}",
    "optimizer.epsilon=1.0e-3",  # see test_step.py
)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, as far as can be known."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def work(config: Path, workdir: Path, place: int, ports: list[int]) -> None:
    """One worker."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    task = {"type": "worker", "index": place}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    log = workdir.with_name(f"worker{place}.log")
    killed_run.main(config, workdir, log, device="multi_worker")


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    return tiny_run.write_config(folder, *SETTINGS)


@pytest.fixture(scope="module")
def alone(config, tmp_path_factory) -> Path:
    """The run in one process."""
    workdir = tmp_path_factory.mktemp("alone") / "run"
    context = multiprocessing.get_context("forkserver")
    child = context.Process(
        target=killed_run.main, args=(config, workdir, workdir.with_suffix(".log"))
    )
    child.start()
    child.join(LONGEST)
    assert child.exitcode == 0, workdir.with_suffix(".log").read_text("utf-8")
    return workdir


def started(config: Path, workdir: Path) -> list:
    """Two workers."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_run", "tfsocial.runs.train"])
    ports = free_ports(2)
    workers = [
        context.Process(target=work, args=(config, workdir, place, ports)) for place in range(2)
    ]
    for worker in workers:
        worker.start()
    return workers


def said(workdir: Path) -> str:
    return "\n".join(path.read_text("utf-8") for path in workdir.parent.glob("worker*.log"))


def assert_same_model(one: Path, other: Path) -> None:
    for name in ("model.safetensors", "heads.safetensors"):
        expected = load_file(other / "model" / name)
        for key, value in load_file(one / "model" / name).items():
            np.testing.assert_allclose(value, expected[key], atol=1e-5, err_msg=key)


def losses(workdir: Path) -> list[float]:
    lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [row["train/loss"] for row in map(json.loads, lines) if "train/loss" in row]


@pytest.mark.long
def test_two_workers_are_one_process(config, alone, tmp_path):
    """Contrasts too: negatives are gathered from both. Only the chief writes."""
    workdir = tmp_path / "run"
    workers = started(config, workdir)
    for worker in workers:
        worker.join(LONGEST)
    assert [worker.exitcode for worker in workers] == [0, 0], said(workdir)
    assert_same_model(workdir, alone)
    np.testing.assert_allclose(losses(workdir), losses(alone), rtol=1e-4)


@pytest.mark.long
def test_a_worker_that_dies_stops_the_other_and_both_resume(config, alone, tmp_path):
    """Exit code 1 and a sentence within a bounded time; the same commands end as if nothing was."""
    workdir = tmp_path / "run"
    workers = started(config, workdir)
    began = time.monotonic()
    while not list(workdir.glob("checkpoints/*/manifest.json")):
        assert time.monotonic() - began < LONGEST, said(workdir)
        time.sleep(0.005)
    os.kill(workers[1].pid, signal.SIGKILL)
    workers[0].join(LONGEST)
    if workers[0].exitcode != 0:  # it may have ended just before
        assert workers[0].exitcode == 1, said(workdir)
        assert "another worker is gone" in said(workdir)
    for worker in (again := started(config, workdir)):
        worker.join(LONGEST)
    assert [worker.exitcode for worker in again] == [0, 0], said(workdir)
    assert_same_model(workdir, alone)
