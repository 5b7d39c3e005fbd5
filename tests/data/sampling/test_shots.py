"""Few-shot draws: how many, which, and what is written down."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_run
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.config import Data, Task
from tfsocial.data import examples
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.sampling import mixture, shots
from tfsocial.errors import InputError

labels = st.lists(st.integers(-1, 4), min_size=1, max_size=60).filter(lambda x: max(x) >= 0)


@given(labels, st.integers(1, 8), st.integers(0, 99))
def test_as_many_of_each_class_as_there_are(labels, count, seed):
    """n of each class or all it has, nothing twice, nothing unlabelled, in the files' order."""
    labels = np.array(labels)
    rows = shots.draw_shots(labels, count, seed)
    assert rows.tolist() == sorted(set(rows.tolist()))
    for label in range(5):
        assert np.sum(labels[rows] == label) == min(count, np.sum(labels == label))
    assert -1 not in labels[rows]


@given(labels, st.integers(1, 8), st.integers(0, 99))
def test_a_smaller_draw_is_part_of_a_larger_one(labels, count, seed):
    """8-shot and 10-shot of one seed differ by two examples a class."""
    small, large = (set(shots.draw_shots(np.array(labels), n, seed)) for n in (count, count + 2))
    assert small <= large


def test_seeds_draw_differently():
    """20 of 100 in three seeds."""
    draws = [shots.draw_shots(np.zeros(100, int), 20, seed).tolist() for seed in (0, 1, 2, 0)]
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
    corpus = read_splits(settings, tasks)
    few = settings.model_copy(update={"shots": 5})
    shots.draw(corpus, few, tasks, 0, tmp_path / "drawn.jsonl")
    found = [json.loads(line) for line in (tmp_path / "drawn.jsonl").open(encoding="utf-8")]
    assert [(row["tags"], row["stars"]) for row in found] == [(["x", "y"], 2.5), (None, None)]


def test_without_classes_there_is_nothing_to_draw_by(tmp_path):
    """A regression alone is refused by its key."""
    tasks = {"stars": Task(kind="regress", column="stars")}
    corpus = examples.Corpus({}, {"stars": ()}, {})
    with pytest.raises(InputError, match=r"data\.shots draws by class, but no task"):
        shots.draw(corpus, Data(shots=5), tasks, 0, tmp_path / "drawn.jsonl")


def test_a_draw_leaves_the_unlabelled_text_whole(tmp_path):
    """One of each mood, from two sources together; all of the pool, in its place between them."""
    tiny_run.write_csv(tmp_path / "one.csv", ("text", "mood"), [("a", "happy"), ("b", "happy")])
    tiny_run.write_csv(tmp_path / "two.csv", ("text", "mood"), [("c", "sad"), ("d", "")])
    (tmp_path / "pool.txt").write_text("e\nf\ng\n")
    parts = {
        "one": {"splits": {"train": "one.csv"}},
        "pool": {"splits": {"train": "pool.txt"}, "tasks": []},
        "two": {"splits": {"train": "two.csv"}},
    }
    rooted = {name: {"root": str(tmp_path), **own} for name, own in parts.items()}
    data, tasks = Data(mixture=rooted, shots=1), {"mood": Task(column="mood")}
    corpus = read_splits(data, tasks)
    drawn = shots.draw(corpus, data, tasks, 0, tmp_path / "drawn.jsonl")
    train = drawn.splits["train"]
    assert train.text[1:] == ["e", "f", "g", "c"]
    assert train.labels["mood"].tolist() == [0, -1, -1, -1, 1]
    assert [part.size for part in drawn.parts["train"].values()] == [1, 3, 1]
    assert len((tmp_path / "drawn.jsonl").read_text().splitlines()) == 2


def test_a_draw_leaves_what_other_tasks_learn_from(tmp_path):
    """One of each mood; the source that has no moods stays whole, with its stars."""
    tiny_run.write_csv(tmp_path / "one.csv", ("text", "mood"), [("a", "x"), ("b", "x"), ("c", "y")])
    tiny_run.write_csv(tmp_path / "two.csv", ("text", "stars"), [("d", "1"), ("e", "2")])
    parts = {
        "one": {"splits": {"train": "one.csv"}, "tasks": ["mood"]},
        "two": {"splits": {"train": "two.csv"}, "tasks": ["stars"]},
    }
    rooted = {name: {"root": str(tmp_path), **own} for name, own in parts.items()}
    data = Data(mixture=rooted, shots=1)
    tasks = {"mood": Task(column="mood"), "stars": Task(kind="regress", column="stars")}
    drawn = shots.draw(read_splits(data, tasks), data, tasks, 0, tmp_path / "drawn.jsonl")
    assert drawn.splits["train"].text[1:] == ["c", "d", "e"]
    assert drawn.splits["train"].labels["stars"][2:].ravel().tolist() == [1, 2]


def test_a_task_that_is_left_without_a_label_is_named(tmp_path):
    """Its labels stand in rows that have none of the task that is drawn by."""
    rows = [("a", "x", ""), ("b", "y", ""), ("c", "", "1")]
    tiny_run.write_csv(tmp_path / "train.csv", ("text", "mood", "stars"), rows)
    data = Data(root=str(tmp_path), splits={"train": "train.csv"}, shots=1)
    tasks = {"mood": Task(column="mood"), "stars": Task(kind="regress", column="stars")}
    with pytest.raises(
        InputError, match=r"shots=1: no row .* task mood has a label for task stars"
    ):
        shots.draw(read_splits(data, tasks), data, tasks, 0, tmp_path / "drawn.jsonl")
    assert not (tmp_path / "drawn.jsonl").exists()


def test_a_source_of_which_nothing_is_drawn_is_no_part_of_the_mixture(tmp_path):
    tiny_run.write_csv(tmp_path / "one.csv", ("text", "mood"), [("a", "happy"), ("b", "sad")])
    tiny_run.write_csv(tmp_path / "two.csv", ("text", "mood"), [("d", "")])
    rooted = {
        name: {"root": str(tmp_path), "splits": {"train": f"{name}.csv"}} for name in ("one", "two")
    }
    data, tasks = Data(mixture=rooted, shots=1), {"mood": Task(column="mood")}
    drawn = shots.draw(read_splits(data, tasks), data, tasks, 0, tmp_path / "drawn.jsonl")
    assert list(drawn.parts["train"]) == ["data.mixture.one"]
    assert mixture.mixed(drawn, data, 0).splits["train"].text == ["a", "b"]
