"""What the tests here share."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_run


@pytest.fixture(scope="module")
def moods(tmp_path_factory) -> Path:
    """A folder with train.csv and dev.csv, 16 rows each."""
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


@pytest.fixture(scope="module")
def finished(moods, tmp_path_factory) -> Path:
    """The workdir of a run with dropout, so that its random numbers count."""
    workdir = tmp_path_factory.mktemp("finished") / "run"
    tiny_run.train(tiny_run.settings(moods, "seed=1", "model.dropout=0.1"), workdir)
    return workdir
