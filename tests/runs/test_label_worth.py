"""What a run's report says of more labels."""

from __future__ import annotations

import json

import numpy as np
import served_models
import tiny_run

from tfsocial import config
from tfsocial.data.examples import Examples
from tfsocial.models.spec import HeadSpec
from tfsocial.runs import label_worth, report

WORDS = ("good", "nice", "bad", "late", "broken", "thanks")


def test_a_run_with_few_labels_ends_with_it(moods, tmp_path):
    """By the vectors of the checkpoint that it began with."""
    rows = [
        (f"{WORDS[n % 6]} {chr(97 + n % 26) * 3} {mood}", mood)
        for n in range(30)
        for mood in ("happy", "sad")
    ]
    path = tiny_run.write_csv(tmp_path / "train.csv", ("text", "label"), rows)
    data = {**tiny_run.tree(moods)["data"], "splits": {"train": str(path)}}
    m0 = served_models.write_model(tmp_path / "m0", *served_models.MODELS["classify"])
    model = {"checkpoint": str(m0), "licence_ack": "made here"}
    chosen = tiny_run.settings(moods, "training.max_steps=1", data=data, model=model)
    run = tiny_run.train(chosen, tmp_path / "run")
    said = report.conclude(run, chosen, tmp_path / "run")
    assert "more labels, mood: of 60, by a regression on M0's vectors" in said
    assert json.loads((tmp_path / "run" / "report.json").read_text("utf-8")) == {}


def test_the_classes_that_a_regression_finds_worst_are_named():
    """Two heaps that are apart, and one class strewn over both."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    vectors = np.eye(4)[np.where(labels == 2, random.integers(2, size=60), labels)]
    vectors = (vectors + 0.1 * random.normal(size=vectors.shape)).astype(np.float32)
    worth = label_worth._worth(vectors, labels, ("card", "flight", "other"))
    assert worth["classes"][0]["label"] == "other"
    assert worth["labels"] == 60
    for gain in worth["more"].values():
        assert 0 <= gain["low"] <= gain["high"]
    assert worth["more"]["100"]["expected"] > worth["more"]["10"]["expected"] > 0


def test_many_labels_none_and_no_wish_say_nothing():
    spec = {"mood": HeadSpec("classify", ("a", "b"))}
    texts = Examples.of_texts(["text"] * 10)
    for labels in (np.zeros(10, np.int32), np.full(10, -1, np.int32)):
        texts.labels["mood"] = labels
        assert label_worth.of(config.Config(), spec, texts, 16) == {}
