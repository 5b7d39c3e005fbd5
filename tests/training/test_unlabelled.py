"""Unlabelled text: a source of its own that feeds what needs no labels, and pretraining on it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from safetensors.numpy import load_file
from transformers import TFBertForMaskedLM

from tfsocial import __main__ as door
from tfsocial.checkpoints import community, model_folder
from tfsocial.models.heads import MLMHead
from tfsocial.text import batch as keys

VIEW = "data.second_view=[{token_mask: {rate: 0.3}}]"
PAPERS = "objectives.papers={uda: {confidence: 0.0}, fix_match: {confidence: 0.0}}"
COMMUNITY = "objectives.community={label_propagation: {neighbours: 3}, masked_lm: {share: 0.5}}"
RUNS = {
    ("L_paper/uda", "L_paper/fix_match"): [PAPERS, VIEW, "data.shots=1"],
    ("L0/label_propagation", "L0/masked_lm"): [COMMUNITY],
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


@pytest.mark.parametrize("terms", RUNS, ids=" ".join)
def test_a_pool_feeds_what_needs_no_labels(moods, tmp_path, terms):
    """16 labelled texts and 3 others, or one text of each mood: what semi-supervised learning is
    for. Two rows a step.
    """
    path = with_pool(moods, "training.epochs=2", "training.log_every=1", *RUNS[terms])
    workdir = tmp_path / "run"
    assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0
    for term in terms:
        losses = curve(workdir, f"train/raw/{term}")
        assert losses, term
        assert all(map(math.isfinite, losses)), term
        assert np.any(np.array(losses) > 0), term
    report = json.loads((workdir / "report.json").read_text("utf-8"))
    assert report["dev"]["mood"]["count"] == 16
    said = json.loads((workdir / "provenance.json").read_text("utf-8"))
    assert [one["licence"] for one in said["resources"] if one["role"] == "data"] == [
        "MIT",
        "CC0-1.0",
    ]
    drawn = workdir / "train_drawn.jsonl"
    if "data.shots=1" in RUNS[terms]:
        assert len(drawn.read_text("utf-8").splitlines()) == 2
    else:
        assert not drawn.exists()


# --- pretraining: no task at all -----------------------------------------------------------


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory) -> Path:
    """The workdir of a run on texts alone; its files have no label column."""
    folder = tmp_path_factory.mktemp("pretrained")
    for split in ("train", "dev"):
        rows = [(text,) for text, _ in tiny_run.MOODS * 4]
        tiny_run.write_csv(folder / f"{split}.csv", ("text",), rows)
    terms = {"community": {"masked_lm": {"share": 0.4}}}
    epochs = "training.epochs=3"
    path = tiny_run.write_config(folder, epochs, "model.dropout=0.1", tasks={}, objectives=terms)
    workdir = folder / "run"
    assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0
    return workdir


def test_dev_s_loss_picks_the_weights(pretrained):
    """There is no other score: the report is the formula on dev, the least of the three epochs'."""
    report = json.loads((pretrained / "report.json").read_text("utf-8"))
    formula = report["dev"]["formula"]
    scores = curve(pretrained, "dev/monitored")
    assert len(scores) == 3
    assert formula["loss"] == pytest.approx(-max(scores), rel=1e-5)
    assert formula["loss"] == formula["L0/masked_lm"]
    assert formula["count"] == 16
    assert "loss" in (pretrained / "report.txt").read_text("utf-8")


def test_a_pretrained_model_is_a_folder_of_a_model(pretrained):
    """Encoder and word head as BertForMaskedLM has them, no head of a task, a card that says so."""
    model = pretrained / "model"
    assert model_folder.load(model).manifest.tasks == {}
    assert load_file(model / "heads.safetensors") == {}
    names = load_file(model / "model.safetensors").keys()
    assert {name.split(".")[0] for name in names} == {"bert", "cls"}
    card = (model / "README.md").read_text("utf-8")
    assert "pipeline_tag: fill-mask" in card
    assert "metrics" not in card.split("---")[1]
    assert "answers nothing by itself" in card
    assert "| dev | formula | loss |" in card


def test_the_community_reads_the_mlm_head(pretrained):
    """transformers' own BertForMaskedLM gives the probabilities that our encoder and head do."""
    model = pretrained / "model"
    theirs = TFBertForMaskedLM.from_pretrained(model)
    loaded = model_folder.load(model)
    ids = [2, 12, 4, 11, 6, 3]  # [CLS] it [MASK] order ... [SEP]
    batch = {
        keys.TOKEN_IDS: tf.constant([ids]),
        keys.SEGMENT_IDS: tf.ones([1, len(ids)], tf.int32),
        keys.POSITION_IDS: tf.range(len(ids))[tf.newaxis],
        keys.TYPE_IDS: tf.zeros([1, len(ids)], tf.int32),
    }
    hidden = loaded.model.encoder(batch)
    head = MLMHead(loaded.model.encoder.config)
    head.build()
    words = np.arange(len(tiny_run.SPECIALS) + len(tiny_run.WORDS))
    tensors = load_file(model / "model.safetensors")
    assert community.take_mlm_head(head, tensors, words, str(model))[0]
    found = theirs(tf.constant([ids]), training=False).logits
    np.testing.assert_allclose(
        head(hidden, loaded.model.encoder.bert.embeddings.weight), found, atol=1e-4
    )


@pytest.mark.parametrize("terms", ["{}", "{masked_lm: {}}"])
def test_a_task_is_learned_from_what_was_pretrained(pretrained, moods, tmp_path, terms, caplog):
    """The second run begins where the first ended, its word head too, which is kept as well
    where no term asks for it.
    """
    path = tiny_run.write_config(
        moods,
        f"model.checkpoint={pretrained / 'model'}",
        "optimizer.learning_rate=1.0e-30",
        f"objectives.community={terms}",
    )
    workdir = tmp_path / "tuned"
    with caplog.at_level("INFO"):
        assert door.main(["train", f"--config={path}", f"--workdir={workdir}", "--device=cpu"]) == 0
    assert "device: CPU" in caplog.text  # what is logged is seen
    assert "no masked-LM head" not in caplog.text
    before, after = (
        load_file(run / "model" / "model.safetensors") for run in (pretrained, workdir)
    )
    assert before.keys() == after.keys()
    assert not [name for name in before if not np.array_equal(before[name], after[name])]
    report = json.loads((workdir / "report.json").read_text("utf-8"))
    assert "accuracy" in report["dev"]["mood"]
    said = json.loads((workdir / "provenance.json").read_text("utf-8"))
    assert said["resources"][0]["licence"] == "Apache-2.0"  # handed on by the card


def test_what_was_pretrained_answers_nothing(pretrained, moods, tmp_path, capsys):
    target = tmp_path / "answers.jsonl"
    asked = ["predict", f"--model={pretrained / 'model'}", f"--input={moods / 'pool.txt'}"]
    assert door.main([*asked, f"--output={target}"]) == 2
    assert "trained without a task" in capsys.readouterr().err
    assert not target.exists()


def test_dev_is_scored_under_the_same_masks(pretrained, moods, tmp_path):
    """Weights that do not move have the same loss in each epoch, and training its own chance."""
    terms = {"community": {"masked_lm": {"share": 0.4}}}
    still = ("optimizer.learning_rate=1.0e-30", "training.epochs=3", "training.log_every=1")
    chosen = tiny_run.settings(moods, *still, tasks={}, objectives=terms)
    tiny_run.train(chosen, tmp_path / "run")
    scores = curve(tmp_path / "run", "dev/monitored")
    assert len(scores) == 3
    assert scores[0] == pytest.approx(scores[1], rel=1e-5) == pytest.approx(scores[2], rel=1e-5)
    losses = curve(tmp_path / "run", "train/loss")
    assert len(set(np.round(losses, 6))) > len(losses) // 2


@pytest.mark.parametrize("terms", [{}, {"community": {"l2_sp": {}}}])
def test_without_a_task_something_must_be_learned(moods, tmp_path, capsys, terms):
    """To stay where M0 is, is nothing to learn."""
    path = tiny_run.write_config(moods, tasks={}, objectives=terms)
    assert door.main(["train", f"--config={path}", f"--workdir={tmp_path / 'run'}"]) == 2
    message = capsys.readouterr().err
    assert "tasks is empty, and no term of objectives learns from text alone" in message
    assert "objectives.community.masked_lm or objectives.papers.simcse" in message


def test_a_term_about_a_task_needs_one(moods, tmp_path, capsys):
    terms = {"community": {"masked_lm": {}}, "papers": {"r_drop": {}}}
    path = tiny_run.write_config(moods, tasks={}, objectives=terms)
    assert door.main(["train", f"--config={path}", f"--workdir={tmp_path / 'run'}"]) == 2
    assert "objectives.papers.r_drop: no task fits" in capsys.readouterr().err
