"""Runs whose texts are augmented: what they keep of the vocabulary, and that they learn.

That dev's texts stay as they are: see callbacks/test_dev_evaluation.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny_run

from tfsocial import config
from tfsocial.data.pipeline.batches import training_batches
from tfsocial.runs.prepare import prepare
from tfsocial.text import batch as keys
from tfsocial.training import devices

TEXT_OPS = "data.augment=[{word_drop: {rate: 0.3}}, {synonym: {table: t.tsv}}]"
TOKEN_OPS = "data.augment=[{token_mask: {rate: 0.3}}]"


@pytest.fixture(scope="module")
def moods(tmp_path_factory):
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    (folder / "t.tsv").write_text("late\tbroken\n", "utf-8")
    return folder


@pytest.fixture
def ready(moods, tmp_path):
    """`ready(*assignments)`: the tiny run, prepared."""

    def make(*given, **sections):
        chosen = tiny_run.settings(moods, *given, **sections)
        return prepare(chosen, tmp_path, devices.choose("cpu", chosen.training))

    return make


def test_ops_on_strings_keep_the_whole_vocabulary(ready):
    """Any word can come in."""
    run = ready(TEXT_OPS)
    assert len(run.texts.words) == run.tokenizer.vocabulary_size
    np.testing.assert_array_equal(
        run.texts.compacted["train"].tokens.flat_values,
        run.texts.encoded["train"].tokens.flat_values,
    )


def test_ops_on_tokens_add_nothing_but_the_mask(ready):
    """The vocabulary is the words that occur and [MASK], which stands in the batches."""
    plain, run = ready(), ready(TOKEN_OPS)
    mask = run.tokenizer.mask_id
    assert run.texts.words.tolist() == sorted({*plain.texts.words.tolist(), mask})
    new_id = run.texts.words.tolist().index(mask)
    batch = next(iter(run.training_batches()))
    assert np.any(batch[keys.TOKEN_IDS] == new_id)


def test_without_ops_nothing_changes(ready):
    """The batches are those of the plain pipeline, bit for bit."""
    run = ready()
    texts = run.texts
    plain = training_batches(texts.compacted["train"], texts.shape, 0)
    for one, other in zip(run.training_batches().take(4), plain.take(4), strict=True):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[key], other[key]) for key in one)


def test_a_run_with_two_views_learns(moods, tmp_path):
    """The cutoff objective has a curve, and L falls."""
    papers = {"papers": {"cutoff": {"weight": 0.5}}}
    chosen = tiny_run.settings(
        moods, TEXT_OPS, "data.second_view=[cutoff]", "training.epochs=6", objectives=papers
    )
    tiny_run.train(chosen, tmp_path / "run")
    assert min(curve(tmp_path / "run", "train/raw/L_paper/cutoff")) > 0
    losses = curve(tmp_path / "run", "train/raw/L/mood")
    assert losses[-1] < losses[0] / 2


def curve(workdir: Path, name: str) -> list[float]:
    lines = (workdir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [row[name] for row in map(json.loads, lines) if name in row]


def test_config_yaml_is_the_config(moods, tmp_path):
    """Ops, knobs and schedules survive being written and read."""
    ops = [{"word_drop": {"rate": {"start": 0.3, "end": 0.1}}}, "word_swap", {"cutoff": None}]
    chosen = tiny_run.settings(moods, f"data.augment={json.dumps(ops)}")
    chosen.write(tmp_path / "config.yaml")
    assert config.load(tmp_path / "config.yaml") == chosen
    assert chosen.data.augment[1:] == ({"word_swap": {}}, {"cutoff": {}})
