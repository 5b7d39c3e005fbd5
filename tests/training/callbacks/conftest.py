"""What the tests here share."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import killed_run
import pytest
import tiny_run
from interrupted_runs import LONGEST, start


@pytest.fixture(scope="module")
def process():
    """Starts the run in a new process that has imported TensorFlow already, for speed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_run", "tfsocial.runs.train", "tfsocial.runs.report"])

    def start(folder: Path, workdir: Path):
        child = context.Process(
            target=killed_run.main,
            args=(folder / "tiny.yaml", workdir, workdir.with_suffix(".log")),
        )
        child.start()
        return child

    return start


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return killed_run.write_config(tmp_path_factory.mktemp("killed")).parent


@pytest.fixture(scope="module")
def whole(folder, process, tmp_path_factory) -> Path:
    """The run that nobody disturbed."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    child = process(folder, workdir)
    child.join(LONGEST)
    assert child.exitcode == 0, workdir.with_suffix(".log").read_text("utf-8")
    return workdir


# --- in one process ----------------------------------------------------------------------


@pytest.fixture
def moods(tmp_path) -> Path:
    return tiny_run.write_moods(tmp_path / "moods")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """The run of `start` without more options that nobody stopped."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start(tiny_run.write_moods(folder / "moods"), folder / "run")
    return folder / "run"
