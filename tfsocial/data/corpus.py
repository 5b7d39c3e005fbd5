"""The texts of a run: all splits as they were read, and of train what is drawn, mixed."""

from __future__ import annotations

from pathlib import Path

from tfsocial.config import Config, InputError
from tfsocial.data import mixture, shots, sources
from tfsocial.data.sources import Corpus


def of_run(config: Config, workdir: Path | None = None) -> Corpus:
    """What a config's run learns from and is scored on.

    Args:
        workdir: gets quarantine.jsonl, and train_drawn.jsonl of `data.shots`.

    Raises:
        InputError: see `drawn` and `mixture.mixed`.
    """
    return mixture.mixed(drawn(config, workdir), config.data, config.seed)


def drawn(config: Config, workdir: Path | None = None) -> Corpus:
    """The same before sources are mixed: each example once.

    Raises:
        InputError: see `sources.read` and `shots.draw`; or there is no train.
    """
    quarantine = workdir / "quarantine.jsonl" if workdir else None
    found = sources.read(config.data, config.tasks, quarantine)
    if "train" not in found.splits:
        raise InputError("data.splits.train names no files; there is nothing to learn from")
    if not config.data.shots:
        return found
    record = workdir / "train_drawn.jsonl" if workdir else None
    return shots.draw(found, config.data, config.tasks, config.seed, record)
