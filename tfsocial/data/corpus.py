"""The texts of a run: all splits as they were read, and of train what is drawn, mixed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfsocial.config import Data, InputError, Task
from tfsocial.data import mixture, shots, sources
from tfsocial.data.sources import Corpus


def of_run(data: Data, tasks: Mapping[str, Task], seed: int, workdir: Path | None = None) -> Corpus:
    """Read what a run learns from and is scored on.

    Args:
        seed: the run's, which says what is drawn.
        workdir: gets quarantine.jsonl, and train_drawn.jsonl of `data.shots`.

    Raises:
        InputError: see `drawn` and `mixture.mixed`.
    """
    return mixture.mixed(drawn(data, tasks, seed, workdir), data, seed)


def drawn(data: Data, tasks: Mapping[str, Task], seed: int, workdir: Path | None = None) -> Corpus:
    """Read the same before sources are mixed: each example once.

    Raises:
        InputError: see `sources.read` and `shots.draw`; or there is no train.
    """
    quarantine = workdir / "quarantine.jsonl" if workdir else None
    found = sources.read(data, tasks, quarantine)
    if "train" not in found.splits:
        raise InputError("data.splits.train names no files; there is nothing to learn from")
    if not data.shots:
        return found
    record = workdir / "train_drawn.jsonl" if workdir else None
    return shots.draw(found, data, tasks, seed, record)
