"""Few-shot draws: how many, which, and what is written down."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_run
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.config import ConfigError, Task
from tfsocial.data import shots, sources

labels = st.lists(st.integers(-1, 4), min_size=1, max_size=60).filter(lambda x: max(x) >= 0)


@given(labels, st.integers(1, 8), st.integers(0, 99))
def test_as_many_of_each_class_as_there_are(labels, count, seed):
    """n of each class or all it has, nothing twice, nothing unlabelled, in the files' order."""
    labels = np.array(labels)
    rows = shots.chosen(labels, count, seed)
    assert rows.tolist() == sorted(set(rows.tolist()))
    for label in range(5):
        assert np.sum(labels[rows] == label) == min(count, np.sum(labels == label))
    assert -1 not in labels[rows]


@given(labels, st.integers(1, 8), st.integers(0, 99))
def test_a_smaller_draw_is_part_of_a_larger_one(labels, count, seed):
    """8-shot and 10-shot of one seed differ by two examples a class."""
    small, large = (set(shots.chosen(np.array(labels), n, seed)) for n in (count, count + 2))
    assert small <= large


def test_seeds_draw_differently():
    """20 of 100 in three seeds."""
    draws = [shots.chosen(np.zeros(100, int), 20, seed).tolist() for seed in (0, 1, 2, 0)]
    assert draws[0] == draws[3]
    assert draws[0] != draws[1] != draws[2]


def test_a_run_learns_from_the_draw_and_writes_it_down(tmp_path):
    """Two of each of two moods: four examples in training, all of dev as it was."""
    moods = tiny_run.write_moods(tmp_path / "data")
    run = tiny_run.train(tiny_run.settings(moods, "data.shots=2"), tmp_path / "run")
    assert (len(run.encoded["train"]), len(run.encoded["dev"])) == (4, 16)
    drawn = (tmp_path / "run" / "train_drawn.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in drawn]
    assert sorted(row["mood"] for row in rows) == ["happy", "happy", "sad", "sad"]
    written = dict(tiny_run.MOODS)
    assert all(written[row["text"]] == row["mood"] for row in rows)
    source = (moods / "train.csv").read_text("utf-8").splitlines()
    assert all(row["text"] in source[row["line"] - 1] for row in rows)


def test_the_rest_stays_as_a_pool(tmp_path):
    """Every row of train is still there, in its order; only the drawn ones have their labels."""
    moods = tiny_run.write_moods(tmp_path / "data")
    whole = tiny_run.train(tiny_run.settings(moods), tmp_path / "whole").corpus.splits["train"]
    chosen = tiny_run.settings(moods, "data.shots=2", "data.shots_pool=true")
    train = tiny_run.train(chosen, tmp_path / "run").corpus.splits["train"]
    drawn = shots.chosen(whole.labels["mood"], 2, seed=0)
    assert train.text == whole.text
    assert np.flatnonzero(train.labels["mood"] >= 0).tolist() == drawn.tolist()
    assert (train.labels["mood"][drawn] == whole.labels["mood"][drawn]).all()


def test_a_pool_has_no_labels_of_any_kind(tmp_path):
    """Numbers and sets of labels are hidden too."""
    labels = {"a": np.array([0, 1], np.int32), "b": np.array([[1.0], [2.0]], np.float32)}
    nowhere = sources.Origin((), np.zeros(2, np.int32), np.zeros(2, np.int32))
    hidden = shots.without_labels(
        sources.Examples(["x", "y"], None, labels, nowhere), except_for=np.array([1])
    )
    assert hidden.labels["a"].tolist() == [-1, 1]
    assert np.isnan(hidden.labels["b"][0, 0])
    assert hidden.labels["b"][1, 0] == 2
    assert labels["a"].tolist() == [0, 1]


def test_labels_of_every_kind_are_written(tmp_path):
    """A list of labels, a number, nothing."""
    rows = [("my card", "a", "x|y", "2.5"), ("nice order", "a", "", "")]
    tiny_run.write_csv(tmp_path / "train.csv", ("text", "label", "tags", "stars"), rows)
    tasks = {
        "label": Task(),
        "tags": Task(kind="multilabel", column="tags", separator="|"),
        "stars": Task(kind="regress", column="stars"),
    }
    settings = tiny_run.settings(tmp_path, "data.splits.dev=[]").data
    corpus = sources.read(settings, tasks)
    shots.draw(corpus, tasks, 5, 0, tmp_path / "drawn.jsonl")
    found = [json.loads(line) for line in (tmp_path / "drawn.jsonl").open(encoding="utf-8")]
    assert [(row["tags"], row["stars"]) for row in found] == [(["x", "y"], 2.5), (None, None)]


def test_without_classes_there_is_nothing_to_draw_by(tmp_path):
    """A regression alone is refused by its key."""
    tasks = {"stars": Task(kind="regress", column="stars")}
    corpus = sources.Corpus({}, {"stars": ()}, {})
    with pytest.raises(ConfigError, match=r"data\.shots draws by class, but no task"):
        shots.draw(corpus, tasks, 5, 0, tmp_path / "drawn.jsonl")
