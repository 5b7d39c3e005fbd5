"""Ranking within lists, from a column of a file to the loss of a step."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_run

from tfsocial.runs.prepare import prepare
from tfsocial.text import batch as keys
from tfsocial.training import devices

WHO = ["ann", "bob", ""]
TASK = {"kind": "regress", "column": "stars", "list": "reader", "loss": {"name": "pairwise"}}


@pytest.fixture
def starred(tmp_path):
    """Twelve texts with stars of three readers, one of whom has no name."""
    folder = tmp_path / "data"
    tiny_run.write_moods(folder)
    texts = [text for text, _ in tiny_run.MOODS]
    rows = [(texts[i % 4], i % 5, WHO[i % 3]) for i in range(12)]
    for split in ("train", "dev"):
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "stars", "who"), rows)
    return folder


def settings(folder, *assignments):
    return tiny_run.settings(
        folder,
        "data.attributes={reader: who}",
        "training.monitor=-loss",
        *assignments,
        tasks={"stars": TASK},
    )


@pytest.mark.parametrize("augment", ["[]", "[{word_drop: {rate: 0.5}}]"])
def test_batches_know_whose_list_an_example_is_of(starred, tmp_path, augment):
    """In training, with augmentation and without, and in evaluation."""
    chosen = settings(starred, f"data.augment={augment}")
    (tmp_path / "run").mkdir()
    ready = prepare(chosen, tmp_path / "run", devices.choose("cpu", chosen.training))
    for batches in (ready.training_batches().take(4), ready.evaluation_batches("dev")):
        for batch in batches:
            ids, lists = batch[keys.EXAMPLE_ID].numpy(), batch["group/stars"].numpy()
            expected = np.where(ids >= 0, np.array([0, 1, -1])[ids % 3], -1)
            np.testing.assert_array_equal(lists, expected)


def test_a_run_ranks_within_lists(starred, tmp_path):
    """In parts of a batch too; its curve is finite and counts pairs of one reader."""
    chosen = settings(starred, "data.slots=8", "data.row_length=32", "training.micro_batches=2")
    tiny_run.train(chosen, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()
    losses = [row["train/raw/L/stars"] for row in map(json.loads, lines) if "train/loss" in row]
    assert losses
    assert np.all(np.isfinite(losses))
    assert max(losses) > 0
