"""The texts of a run: all splits as they were read, and of train what is drawn, mixed."""

from __future__ import annotations

from pathlib import Path

from tfsocial.config import Config, ConfigError
from tfsocial.data.examples import Corpus
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.sampling import mixture, shots


def load_corpus(config: Config, workdir: Path | None = None) -> Corpus:
    """Loads what a run learns from and is scored on, sources mixed.

    Args:
        workdir: gets quarantine.jsonl, and train_drawn.jsonl of `data.shots`.

    Raises:
        ConfigError: see `load_splits` and `mixture.mixed`.
    """
    return mixture.mixed(load_splits(config, workdir), config.data, config.seed)


def load_splits(config: Config, workdir: Path | None = None) -> Corpus:
    """Loads the splits before sources are mixed: each example once.

    Raises:
        ConfigError: see `splits.read_splits` and `shots.draw`; or there is no train.
    """
    quarantine = workdir / "quarantine.jsonl" if workdir else None
    found = read_splits(config.data, config.tasks, quarantine)
    if "train" not in found.splits:
        raise ConfigError("data.splits.train names no files; there is nothing to learn from")
    if not config.data.shots:
        return found
    record = workdir / "train_drawn.jsonl" if workdir else None
    return shots.draw(found, config.data, config.tasks, config.seed, record)
