"""The texts of a run: all splits as they were read, and of train what is drawn, mixed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfsocial.config import Data, Task
from tfsocial.data.examples import Corpus
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.sampling import mixture, shots
from tfsocial.errors import InputError


def load_corpus(
    data: Data, tasks: Mapping[str, Task], seed: int, workdir: Path | None = None
) -> Corpus:
    """Load what a run learns from and is scored on, sources mixed.

    Args:
        seed: the run's, which says what is drawn.
        workdir: gets quarantine.jsonl, and train_drawn.jsonl of `data.shots`.

    Raises:
        InputError: see `load_splits` and `mixture.mixed`.
    """
    return mixture.mixed(load_splits(data, tasks, seed, workdir), data, seed)


def load_splits(
    data: Data, tasks: Mapping[str, Task], seed: int, workdir: Path | None = None
) -> Corpus:
    """Load the splits before sources are mixed: each example once.

    Raises:
        InputError: see `splits.read_splits` and `shots.draw`; or there is no train.
    """
    quarantine = workdir / "quarantine.jsonl" if workdir else None
    corpus = read_splits(data, tasks, quarantine)
    if "train" not in corpus.splits:
        raise InputError("data.splits.train names no files; there is nothing to learn from")
    record = workdir / "train_drawn.jsonl" if workdir else None
    return shots.draw(corpus, data, tasks, seed, record)
