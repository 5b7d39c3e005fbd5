"""Runs that stop before their end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import tiny_run

from tfsocial.runs import train
from tfsocial.training.callbacks.checkpointing import CheckpointCallback, Interrupted

LONGEST = 120  # seconds that a start may take before something is wrong


def weights(workdir: Path) -> dict[str, bytes]:
    """The files of the saved model."""
    return {path.name: path.read_bytes() for path in (workdir / "model").glob("*.safetensors")}


def points(workdir: Path) -> list[dict]:
    """metrics.jsonl without what the clock says."""
    lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if "per_second" not in name}
        for line in lines
    ]


def lines(workdir: Path) -> int:
    path = workdir / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


OPTIONS = ("training.epochs=3", "training.checkpoint_every=3", "model.dropout=0.1")


def start(moods: Path, workdir: Path, *more: str, **options) -> train.Run:
    chosen = tiny_run.settings(moods, *OPTIONS, *more)
    workdir.mkdir(exist_ok=True)
    return train.train(chosen, workdir, "cpu", **options)


def stop_after(step: int, monkeypatch) -> None:
    """Whoever would take a step beyond this one is interrupted, as if the power had gone."""
    ordinary = CheckpointCallback.on_train_batch_end

    def end(keeper, batch, logs=None):
        ordinary(keeper, batch, logs)
        if int(keeper.model.optimizer.iterations.numpy()) == step:
            keeper.on_train_end()
            raise Interrupted("power cut")

    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", end)


def copy_after(step: int, workdir: Path, copy: Path, monkeypatch) -> None:
    """What a power cut after this step would leave is kept, and the run goes on."""
    ordinary = CheckpointCallback.on_train_batch_end

    def end(keeper, batch, logs=None):
        ordinary(keeper, batch, logs)
        if int(keeper.model.optimizer.iterations.numpy()) == step:
            shutil.copytree(workdir, copy)

    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", end)
