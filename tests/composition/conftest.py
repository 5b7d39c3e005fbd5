"""One M0 and runs that began from it: two of one task, one of another, a spoilt one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tiny_run
from safetensors.numpy import load_file, save_file

TOPICS = [(text, "card" if "card" in text else "order") for text, _ in tiny_run.MOODS]


class Runs(NamedTuple):
    """Folders of finished runs; `m0` is a checkpoint.

    Attributes:
        second: of the task of `first`, with its labels in another order.
        spoilt: `first` with an encoder of large random numbers.
    """

    m0: Path
    first: Path
    second: Path
    topic: Path
    spoilt: Path


def spoil(run: Path, folder: Path) -> Path:
    """Copy a run and put large random numbers in the place of its encoder."""
    shutil.copytree(run, folder)
    path = folder / "model" / "model.safetensors"
    random = np.random.default_rng(1)
    noise = {
        name: random.normal(scale=5, size=array.shape).astype(np.float32)
        for name, array in load_file(path).items()
    }
    save_file(noise, path, {"format": "pt"})
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> Runs:
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    for split in ("train", "dev"):
        tiny_run.write_csv(folder / f"topic_{split}.csv", ("text", "topic"), TOPICS * 4)
    work = tmp_path_factory.mktemp("work")
    m0 = tiny_run.train(tiny_run.settings(folder, "optimizer.learning_rate=1.0e-4"), work / "m0")
    model = {"checkpoint": str(m0.workdir / "model"), "dropout": 0.0, "head_dropout": 0.0}

    def train(name: str, *assignments: str, **sections) -> Path:
        changes = ("training.epochs=6", *assignments)
        config = tiny_run.settings(folder, *changes, model=model, **sections)
        return tiny_run.train(config, work / name).workdir

    first = train("first")
    second = train("second", "seed=1", "tasks.mood.labels=[sad, happy]")
    topic = train(
        "topic",
        "data.splits={train: topic_train.csv, dev: topic_dev.csv}",
        tasks={"topic": {"column": "topic"}},
    )
    return Runs(work / "m0" / "model", first, second, topic, spoil(first, work / "spoilt"))
