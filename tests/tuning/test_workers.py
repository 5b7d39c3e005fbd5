"""Several worker processes on one study: killed, stopped, on SQLite and on PostgreSQL.

Workers, leases, databases and signals are real; the training is `pretend_training.py`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tuning.conftest import Workers, wait_until

pytestmark = pytest.mark.long
TRIALS = 8
OPTIONS = (
    f"--trials={TRIALS}",
    "--sampler=random",
    "--pruner=none",
    "--lease_seconds=2",  # a busy machine may keep a worker waiting for one
    "--noscore_test",
    "--seeds=0,1",
)


def _report(output: Path) -> list[tuple]:
    rows = json.loads((output / "report.json").read_text("utf-8"))["rows"]
    return [(row["number"], row["state"], row["score"], row["drawn"]) for row in rows]


@pytest.fixture(scope="module")
def undisturbed(config, space, tmp_path_factory):
    """The study that one worker makes whom nobody disturbs."""
    alone = Workers(config, space, tmp_path_factory.mktemp("alone") / "study", *OPTIONS)
    assert alone.start().wait(120) == 0, alone.said()
    return _report(alone.output)


def _epochs_taken(output: Path) -> dict[str, list[int]]:
    """Run -> its epochs in the order in which they were taken."""
    return {
        f"{path.parent.parent.name}/{path.parent.name}": [
            int(line.split()[1]) for line in path.read_text().splitlines()
        ]
        for path in output.glob("trials/*/seed-*/taken.txt")
    }


def _no_two_at_once(output: Path) -> None:
    """Epochs of a run were taken in order; one at most twice, where a kill fell in between."""
    for run, epochs in _epochs_taken(output).items():
        assert sorted(epochs) == epochs, run
        assert set(epochs) == {0, 1, 2, 3}, run


def test_two_workers_that_are_killed_twenty_times_end_with_the_undisturbed_study(
    workers, tmp_path, monkeypatch, undisturbed
):
    monkeypatch.setenv("EPOCH_SECONDS", "0.15")
    both = workers(tmp_path / "study", *OPTIONS)
    chance, running, kills = random.Random(0), [], 0
    end = time.monotonic() + 240
    while kills < 20 or running:
        running = [one for one in running if one.poll() is None]
        if kills == 20 and all(one.wait(120) == 0 for one in running):
            break
        while len(running) < 2:
            running.append(both.start())
        time.sleep(chance.uniform(1.0, 2.5))
        victim = chance.choice(running)
        if victim.poll() is None:
            os.killpg(victim.pid, signal.SIGKILL)
            victim.wait()
            kills += 1
        assert time.monotonic() < end
    assert both.start().wait(120) == 0, both.said()
    assert _report(both.output) == undisturbed
    _no_two_at_once(both.output)


def test_two_workers_share_a_study_on_postgresql(
    postgresql, workers, tmp_path, monkeypatch, undisturbed
):
    monkeypatch.setenv("EPOCH_SECONDS", "0.05")
    both = workers(tmp_path / "study", *OPTIONS, f"--storage={postgresql}", "--study=shared")
    processes = [both.start(), both.start()]
    assert [process.wait(120) for process in processes] == [0, 0], both.said()
    assert _report(both.output) == undisturbed
    holders = {
        json.loads(path.read_text("utf-8"))["holder"] for path in both.output.glob("*/*/lease.json")
    }
    assert len(holders) == 2, "one worker did all of it"


def test_machines_without_a_shared_folder_share_the_trials_alone(
    postgresql, workers, tmp_path, monkeypatch, undisturbed
):
    """What one of them works on is no business of the other's, which cannot see its folder."""
    monkeypatch.setenv("EPOCH_SECONDS", "0.05")
    options = (*OPTIONS, f"--storage={postgresql}", "--study=apart")
    apart = [workers(tmp_path / name, *options) for name in ("one", "other")]
    processes = [one.start() for one in apart]
    assert [process.wait(120) for process in processes] == [0, 0], apart[0].said()
    folders = [{path.name for path in (one.output / "trials").iterdir()} for one in apart]
    assert not folders[0] & folders[1]
    assert all(folders)
    last = max((one.output / "report.json" for one in apart), key=lambda path: path.stat().st_mtime)
    assert _report(last.parent) == undisturbed


def _begin(workers, tmp_path, monkeypatch) -> tuple[Workers, subprocess.Popen]:
    """A worker in the middle of its first training."""
    monkeypatch.setenv("EPOCH_SECONDS", "0.4")
    one = workers(tmp_path / "study", *OPTIONS)
    process = one.start()
    wait_until(lambda: any(len(epochs) for epochs in _epochs_taken(one.output).values()))
    return one, process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_asked_to_stop_leaves_its_trial_to_the_next_at_once(
    workers, tmp_path, monkeypatch, number, undisturbed
):
    one, process = _begin(workers, tmp_path, monkeypatch)
    process.send_signal(number)
    assert process.wait(30) == 130
    assert "error: stopped by Ctrl-C; the same command goes on where it was" in one.said()
    monkeypatch.setenv("EPOCH_SECONDS", "0")
    assert one.start().wait(120) == 0
    assert "trial 0: goes on where it was" in one.said()
    assert _report(one.output) == undisturbed


def test_a_training_does_not_outlive_a_worker_that_is_killed(workers, tmp_path, monkeypatch):
    one, process = _begin(workers, tmp_path, monkeypatch)
    process.kill()
    process.wait()
    time.sleep(0.6)
    before = _epochs_taken(one.output)
    time.sleep(0.6)
    assert _epochs_taken(one.output) == before


def test_a_worker_that_was_held_up_leaves_its_trial_to_who_took_it(
    workers, tmp_path, monkeypatch, undisturbed
):
    """Stopped for longer than its lease, as by a laptop's lid; its training goes on meanwhile."""
    one, process = _begin(workers, tmp_path, monkeypatch)
    process.send_signal(signal.SIGSTOP)
    time.sleep(2.0)
    monkeypatch.setenv("EPOCH_SECONDS", "0.02")
    other = one.start()
    wait_until(lambda: "trial 0: goes on where it was" in one.said())
    process.send_signal(signal.SIGCONT)
    assert [other.wait(120), process.wait(120)] == [0, 0], one.said()
    assert _report(one.output) == undisturbed
