"""Whole runs small enough for a test: a few sentences, a vocabulary of words, a random encoder."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from unittest import mock

import yaml

from tfsocial import config
from tfsocial.config import Config
from tfsocial.metrics.scorer import Scorer
from tfsocial.runs import train as runs_train
from tfsocial.text.tokenizer import Tokenizer

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (
    "good",
    "nice",
    "thanks",
    "bad",
    "late",
    "broken",
    "card",
    "order",
    "it",
    "is",
    "my",
    "the",
)
# Good and bad mood in turn; every second is about a card, the others about an order.
HAPPY, SAD = ("my card is good thanks", "nice order"), ("the card is late", "my order is broken")
MOODS = [
    (text, mood)
    for pair in zip(HAPPY, SAD, strict=True)
    for text, mood in zip(pair, ("happy", "sad"), strict=True)
]
SIZES = {"hidden_size": 32, "layers": 1, "heads": 4, "intermediate_size": 64}


def write_vocabulary(folder: Path) -> Path:
    """A checkpoint of which only the tokenizer is used, as `model.random.vocabulary` does."""
    folder.mkdir(parents=True)
    Tokenizer([*SPECIALS, *WORDS]).save(folder)
    values = {"model_type": "bert", "vocab_size": len(SPECIALS) + len(WORDS)}
    (folder / "config.json").write_text(json.dumps(values), "utf-8")
    (folder / "model.safetensors").touch()
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n", "utf-8")
    return folder


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A csv file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def write_moods(folder: Path, times: int = 4) -> Path:
    """train.csv and dev.csv of 4 * `times` rows each: text, label."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        write_csv(folder / f"{split}.csv", ("text", "label"), MOODS * times)
    return folder


def tree(folder: Path) -> dict:
    """Config values of a tiny run on the files of `write_moods`, without dropout.

    5 tokens a text at the most and 7 with the specials: 2 rows of 2 texts make a step.
    """
    vocabulary = folder / "vocabulary"
    if not vocabulary.exists():
        write_vocabulary(vocabulary)
    return {
        "name": "tiny",
        "data": {
            "licence": "Apache-2.0",
            "root": str(folder),
            "splits": {"train": "train.csv", "dev": "dev.csv"},
            "row_length": 16,
            "rows": 2,
            "slots": 2,
        },
        "tasks": {"mood": {"column": "label"}},
        "model": {
            "checkpoint": "random",
            "random": {**SIZES, "positions": 32, "vocabulary": str(vocabulary)},
            "dropout": 0.0,
            "head_dropout": 0.0,
        },
        "optimizer": {"learning_rate": 0.01, "head_multiplier": 1.0},
        # XLA takes ten times as long to compile this as TensorFlow to run it.
        "training": {"epochs": 1, "precision": "float32", "compile": "graph", "log_every": 2},
        "report": {"baselines": False},
    }


def settings(folder: Path, *assignments: str, **sections: Mapping) -> Config:
    """The tiny config with sections replaced and `a.b=c` assignments put in."""
    return config.parse(config.override({**tree(folder), **sections}, assignments))


def write_config(folder: Path, *assignments: str, **sections: Mapping) -> Path:
    """The tiny config as a file."""
    path = folder / "tiny.yaml"
    values = config.override({**tree(folder), **sections}, assignments)
    path.write_text(yaml.safe_dump(values), "utf-8")
    return path


def train(chosen: Config, workdir: Path, scorer=None) -> runs_train.Run:
    """Trains on the CPU into a new folder; `scorer` stands in for what scores dev."""
    workdir.mkdir(parents=True)
    with scored_by(scorer) if scorer else contextlib.nullcontext():
        return runs_train.train(chosen, workdir, "cpu")


def scored_by(scorer) -> contextlib.AbstractContextManager:
    """Inside, runs score dev by a stand-in with the methods of `metrics.scorer.Scorer`."""
    return mock.patch.object(Scorer, "of", return_value=scorer)
