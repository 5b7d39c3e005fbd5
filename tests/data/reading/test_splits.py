"""Files in, columns out: what is read, what is refused, and in which words."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splits_by_hand import LABEL, as_csv, data, put, read, refusal

from tfsocial import config
from tfsocial.config import Task
from tfsocial.data.examples import Counts
from tfsocial.data.reading import file_rows, paths
from tfsocial.data.reading.rows import Row
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.texts import read_texts

# --- what comes out --------------------------------------------------------------------


def test_columns_labels_and_origin(tmp_path):
    corpus = read(tmp_path, "text,label\nhi,b\nyo,a\nhm,\n")
    train = corpus.splits["train"]
    assert corpus.label_names == {"label": ("a", "b")}
    assert train.text == ["hi", "yo", "hm"]
    assert train.pair is None
    assert train.labels["label"].dtype == np.int32
    assert train.labels["label"].tolist() == [1, 0, -1]
    assert train.origin.where(2) == f"{tmp_path}/train.csv:4"
    assert len(train) == 3


def test_given_labels_keep_their_order(tmp_path):
    corpus = read(tmp_path, "text,label\nhi,b\nyo,a\n", {"label": Task(labels=("b", "c", "a"))})
    assert corpus.label_names["label"] == ("b", "c", "a")
    assert corpus.splits["train"].labels["label"].tolist() == [0, 2]


def test_learned_labels_number_dev_alike(tmp_path):
    put(tmp_path, "text,label\nhi,b\nyo,a\n")
    put(tmp_path, "text,label\nhm,b\n", "dev.csv")
    corpus = read_splits(data(tmp_path, dev="dev.csv"), LABEL)
    assert corpus.splits["dev"].labels["label"].tolist() == [1]
    assert list(corpus.splits) == ["train", "dev"]
    assert corpus.counts["dev"] == Counts(read=1, usable=1, quarantined=0)


def test_two_text_columns(tmp_path):
    corpus = read(tmp_path, "q,label,a\nhi,x,there\n", text=("q", "a"))
    assert corpus.splits["train"].text == ["hi"]
    assert corpus.splits["train"].pair == ["there"]


def test_several_tasks_partly_labelled(tmp_path):
    tasks = {
        "intent": Task(column="label"),
        "mood": Task(column="mood", kind="multilabel"),
        "stars": Task(column="stars", kind="regress"),
    }
    content = "text,label,mood,stars\na,x, sad | |glad,\nb,,,2.5\nc,,sad,-1\nd,,,\n"
    corpus = read(tmp_path, content, tasks)
    labels = corpus.splits["train"].labels
    assert corpus.label_names == {"intent": ("x",), "mood": ("glad", "sad"), "stars": ()}
    assert labels["intent"].tolist() == [0, -1, -1, -1]
    nan = np.nan
    np.testing.assert_array_equal(labels["mood"], [[1, 1], [nan, nan], [0, 1], [nan, nan]])
    np.testing.assert_array_equal(labels["stars"], [[nan], [2.5], [-1], [nan]])
    assert labels["mood"].dtype == labels["stars"].dtype == np.float32


def test_separator_of_the_task(tmp_path):
    tasks = {"label": Task(kind="multilabel", separator="; ")}
    corpus = read(tmp_path, "text,label\na,x|y; z\n", tasks)
    assert corpus.label_names["label"] == ("x|y", "z")


def test_json_labels_of_each_kind(tmp_path):
    tasks = {
        "label": Task(),
        "mood": Task(column="mood", kind="multilabel"),
        "stars": Task(column="stars", kind="regress"),
    }
    lines = [
        {"text": "a", "label": 3, "mood": ["sad", "", "glad"], "stars": 2},
        {"text": "b", "label": "x", "mood": [], "stars": "0.5"},
        {"text": "c", "label": None},
    ]
    content = "\n".join(map(json.dumps, lines))
    corpus = read(tmp_path, content, tasks, name="train.jsonl")
    labels = corpus.splits["train"].labels
    assert corpus.label_names["label"] == ("3", "x")
    assert labels["label"].tolist() == [0, 1, -1]
    nan = np.nan
    np.testing.assert_array_equal(labels["mood"], [[1, 1], [0, 0], [nan, nan]])
    np.testing.assert_array_equal(labels["stars"], [[2], [0.5], [nan]])


def test_test_split_alone_needs_given_labels(tmp_path):
    put(tmp_path, "text,label\nhi,a\n")
    only_test = data(tmp_path, train=(), test="train.csv")
    corpus = read_splits(only_test, {"label": Task(labels=("a", "b"))})
    assert corpus.splits["test"].labels["label"].tolist() == [0]
    assert "tasks.label.labels is not given" in refusal(read_splits, only_test, LABEL)


def test_no_split_at_all():
    assert "data.splits.train" in refusal(read_splits, config.Data(), LABEL)


# --- finding files ---------------------------------------------------------------------


def test_globs_are_sorted_and_files_come_once(tmp_path):
    for name in ("b.csv", "a.csv", "c.csv"):
        put(tmp_path, f"text,label\n{name},x\n", name)
    corpus = read_splits(data(tmp_path, train=("c.csv", "*.csv")), LABEL)
    train = corpus.splits["train"]
    assert train.text == ["c.csv", "a.csv", "b.csv"]
    assert [train.origin.where(row).rpartition("/")[2] for row in range(3)] == [
        "c.csv:2",
        "a.csv:2",
        "b.csv:2",
    ]


def test_recursive_glob_and_glob_characters_in_names(tmp_path):
    folder = tmp_path / "[v1]" / "deep"
    folder.mkdir(parents=True)
    put(folder, "text,label\nhi,x\n", "part[0].csv")
    assert len(paths.files(data(tmp_path / "[v1]", "**/*.csv"), "train")) == 1
    assert len(paths.files(data(folder, "part[0].csv"), "train")) == 1


def test_a_glob_does_not_match_folders(tmp_path):
    (tmp_path / "x.csv").mkdir()
    assert "matches no file" in refusal(paths.files, data(tmp_path, "*.csv"), "train")


def test_no_match_names_key_pattern_and_root(tmp_path):
    put(tmp_path, "text,label\nhi,x\n")
    message = refusal(read_splits, data(tmp_path, dev="d*.csv"), LABEL)
    assert message.startswith(f"data.splits.dev: 'd*.csv' matches no file in {tmp_path}")
    assert "data.root" in message


def test_no_root_says_where_the_set_is_had(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    knobs = {"name": "BANKING77", "homepage": "https://example.org/b"}
    message = refusal(read_splits, data(None, **knobs), LABEL)
    assert "BANKING77 at https://example.org/b" in message
    assert "--set data.root=DIR" in message
    put(tmp_path, "text,label\nhi,x\n")
    assert len(read_splits(data(None, **knobs), LABEL).splits["train"]) == 1


def test_remote_paths(tmp_path):
    tf = pytest.importorskip("tensorflow")
    tf.io.gfile.makedirs("ram://sources")
    for name in ("b.csv.gz", "a.csv.gz"):
        with tf.io.gfile.GFile(f"ram://sources/{name}", "wb") as stream:
            stream.write(gzip.compress(f"text,label\n{name},x\n".encode()))
    train = read_splits(data("ram://sources", "*.gz"), LABEL).splits["train"]
    assert train.text == ["a.csv.gz", "b.csv.gz"]
    assert "ram://sources/none.csv" in refusal(list, read_texts("ram://sources/none.csv"))
    assert "matches no file" in refusal(paths.files, data("ram://sources", "*.tsv"), "train")


def test_unknown_suffix_and_data_format(tmp_path):
    put(tmp_path, "text\tlabel\nhi\tx\n", "train.dat")
    assert "data.format" in refusal(read_splits, data(tmp_path, "train.dat"), LABEL)
    corpus = read_splits(data(tmp_path, "train.dat", format="tsv"), LABEL)
    assert corpus.splits["train"].text == ["hi"]


def test_unreadable_files_are_named(tmp_path):
    assert f"{tmp_path}/no.csv: cannot be read" in refusal(list, read_texts(tmp_path / "no.csv"))
    (tmp_path / "dir.csv").mkdir()
    assert "dir.csv: cannot be read" in refusal(list, read_texts(tmp_path / "dir.csv"))


# --- the round trip --------------------------------------------------------------------

cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


columns = st.lists(st.tuples(cells, cells), min_size=1, max_size=6)


def as_jsonl(pairs, ascii_only=True):
    lines = [{"text": text, "other": other} for text, other in pairs]
    return "".join(json.dumps(line, ensure_ascii=ascii_only) + "\n" for line in lines)


WRITERS = {
    "rows.csv": as_csv,
    "rows.tsv": lambda pairs: as_csv(pairs, "\t"),
    "rows.jsonl": as_jsonl,
    "plain.jsonl": lambda pairs: as_jsonl(pairs, ascii_only=False),
    "rows.csv.gz": as_csv,
    "rows.tsv.gz": lambda pairs: as_csv(pairs, "\t"),
    "rows.jsonl.gz": as_jsonl,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=columns)
def test_what_was_written_is_read(tmp_path, name, pairs):
    found = list(file_rows.read_rows(put(tmp_path, WRITERS[name](pairs), name)))
    assert [tuple(row.values.values()) for row in found if isinstance(row, Row)] == pairs
    assert len(found) == len(pairs)
