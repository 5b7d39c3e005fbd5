"""A run in a process of its own, to be killed: it uses all that must survive."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import tiny_run

from tfsocial import __main__

SETTINGS = {
    "model.dropout": 0.1,
    "model.head_dropout": 0.2,
    "training.deterministic": "true",
    "training.epochs": 40,
    "training.patience": 25,
    "training.ema": 0.9,
    "training.log_every": 3,
    "training.checkpoint_every": 7,
    "objectives.weighing": "gradnorm",
    "objectives.community": "{feature_cosine: {weight: {cosine: 0.9, every: 5, texts: 4}}}",
    "objectives.papers": "{r_drop: {}, mixup: {weight: {end: 0.5, until: 0.5}}}",
}


def write_config(folder: Path) -> Path:
    """The run's config; 160 steps, a checkpoint every 7, a dev score every 4."""
    moods = tiny_run.write_moods(folder)
    assignments = [f"{key}={value}" for key, value in SETTINGS.items()]
    return tiny_run.write_config(moods, *assignments)


def main(config: Path, workdir: Path, log: Path, device: str = "cpu") -> None:
    """`python -m tfsocial train`, its words to a file."""
    with log.open("a", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    flags = [f"--config={config}", f"--workdir={workdir}", f"--device={device}"]
    sys.exit(__main__.main(["train", *flags]))
