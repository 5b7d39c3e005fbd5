"""Searches whose trainings are a curve by hand, in a process of their own that can be killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_run

from tfsocial.tuning.asked import Asked
from tfsocial.tuning.space import Space

SPACE = """
optimizer.learning_rate: {low: 0.001, high: 0.1, log: true}
optimizer.head_multiplier: {choices: [1, 10]}
objectives.papers: {choices: {none: {}, consistency: {r_drop: {weight: 0.5}}}}
"""


@pytest.fixture(scope="session")
def config(tmp_path_factory) -> Path:
    """The config of a tiny run with dev and test, four epochs."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    shutil.copy(folder / "dev.csv", folder / "test.csv")
    return tiny_run.write_config(folder, "data.splits.test=test.csv", "training.epochs=4")


@pytest.fixture(scope="session")
def space(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("space") / "space.yaml"
    path.write_text(SPACE, "utf-8")
    return path


@pytest.fixture
def asked(config, space):
    """`asked(trials=3, ...)`: a search around that config."""

    def ask(**options) -> Asked:
        usual = {"score_test": False, "lease_seconds": 1.0, "trials": 4}
        return Asked([str(config)], (), Space.read(space), **{**usual, **options})

    return ask


class Workers:
    """Worker processes of one search."""

    def __init__(self, config: Path, space: Path, output: Path, *options: str):
        self.output = output
        self._command = [
            sys.executable,
            str(Path(__file__).parent / "worker.py"),
            f"--config={config}",
            f"--space={space}",
            f"--output={output}",
            *options,
        ]

    def start(self) -> subprocess.Popen:
        self.output.mkdir(parents=True, exist_ok=True)
        log = (self.output / "worker.log").open("ab")
        return subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)

    def said(self) -> str:
        return (self.output / "worker.log").read_text("utf-8")


@pytest.fixture
def workers(config, space):
    """`workers(output, *options)`: worker processes whose trainings are `pretend_training.py`."""
    return lambda output, *options: Workers(config, space, output, *options)


def wait_until(true, seconds: float = 60.0) -> None:
    """Wait for what other processes bring about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
