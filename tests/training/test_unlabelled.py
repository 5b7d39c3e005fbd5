"""Unlabelled text: a source of its own that feeds what needs no labels, and pretraining on it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from tfsocial import __main__ as door

VIEW = "data.view=[{token_mask: {rate: 0.3}}]"
TERMS = {
    "uda": ["objectives.papers={uda: {confidence: 0.0}}", VIEW],
    "fix_match": ["objectives.papers={fix_match: {confidence: 0.0}}", VIEW],
    "masked_lm": ["objectives.community={masked_lm: {share: 0.5}}"],
}
POOL = "my order is late\n\nthe card is broken\nthanks it is nice\n"


@pytest.fixture
def moods(tmp_path) -> Path:
    """train.csv and dev.csv with labels, 16 rows each, and pool.txt with three texts."""
    folder = tiny_run.write_moods(tmp_path / "moods")
    (folder / "pool.txt").write_text(POOL, encoding="utf-8")
    return folder


def with_pool(moods: Path, *assignments: str) -> Path:
    """A config of both."""
    both = {
        "own": {"splits": {"train": "train.csv", "dev": "dev.csv"}, "licence": "MIT"},
        "pool": {"splits": {"train": "pool.txt"}, "licence": "CC0-1.0", "tasks": []},
    }
    mixture = {name: {"root": str(moods), **own} for name, own in both.items()}
    data = {"mixture": mixture, "row_length": 16, "rows": 2, "slots": 2}
    return tiny_run.write_config(moods, *assignments, data=data)


def curve(workdir: Path, name: str) -> list[float]:
    """The values of one curve in metrics.jsonl."""
    lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [row[name] for row in map(json.loads, lines) if name in row]


@pytest.mark.parametrize("term", TERMS)
def test_a_pool_feeds_what_needs_no_labels(moods, tmp_path, term):
    """16 labelled texts and 3 others: an epoch of 10 rows or more, two a step."""
    path = with_pool(moods, "training.epochs=2", "training.log_every=1", *TERMS[term])
    workdir = tmp_path / "run"
    assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0
    name = "L0/masked_lm" if term == "masked_lm" else f"L_paper/{term}"
    losses = curve(workdir, f"train/raw/{name}")
    assert losses
    assert all(map(math.isfinite, losses))
    assert np.any(np.array(losses) > 0)
    report = json.loads((workdir / "report.json").read_text("utf-8"))
    assert report["dev"]["mood"]["count"] == 16
    said = json.loads((workdir / "provenance.json").read_text("utf-8"))
    assert [one["licence"] for one in said["resources"] if one["role"] == "data"] == [
        "MIT",
        "CC0-1.0",
    ]


def test_few_labels_beside_a_pool(moods, tmp_path):
    """One text of each mood and all of the pool: what semi-supervised learning is for."""
    path = with_pool(moods, "data.shots=1", *TERMS["fix_match"])
    workdir = tmp_path / "run"
    assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0
    assert len((workdir / "train_drawn.jsonl").read_text("utf-8").splitlines()) == 2
