"""Label sets, and texts for prediction."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from splits_by_hand import LABEL, data, put, read, refusal

from tfsocial.config import Data, Task
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.text_cells import Text
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError

# --- label sets ------------------------------------------------------------------------


def test_label_only_in_dev(tmp_path):
    put(tmp_path, "text,label\nhi,card_lost\n")
    put(tmp_path, "text,label\nyo,card_lost\nhm,card_lsot\nhm,card_lsot\nhm,zz\nhm,zz\n", "dev.csv")
    message = refusal(read_splits, data(tmp_path, dev="dev.csv"), LABEL)
    assert message.startswith(f"{tmp_path}/dev.csv:3: task label has no label 'card_lsot'")
    assert "nor 'zz'" in message
    assert "did you mean card_lost?" in message


def test_label_outside_the_given_ones(tmp_path):
    tasks = {"mood": Task(kind="multilabel", labels=("glad", "sad"), column="label")}
    message = refusal(read, tmp_path, "text,label\nhi,glad\nyo,sad|gladd\n", tasks)
    assert message.startswith(f"{tmp_path}/train.csv:3: task mood has no label 'gladd'")
    assert "tasks.mood.labels; did you mean glad?" in message


@pytest.mark.parametrize("kind", ["classify", "multilabel", "regress"])
def test_train_without_any_label(tmp_path, kind):
    message = refusal(read, tmp_path, "text,label\nhi,\n", {"mood": Task(kind=kind)})
    assert "data.splits.train: no row has a label for task mood" in message
    assert "tasks.mood.column" in message


def test_out_of_scope_must_be_a_label(tmp_path):
    message = refusal(read, tmp_path, "text,label\nhi,oos\n", {"label": Task(ood_label="ooos")})
    assert "tasks.label.ood_label" in message
    assert "did you mean oos?" in message


# --- texts for prediction --------------------------------------------------------------


def test_txt_answers_line_by_line(tmp_path):
    path = put(tmp_path, b"\xef\xbb\xbfone\r\n\r\nthr\xff\n  four \nfi\0ve\n", "in.txt")
    found = list(read_texts(path, columns=("question",)))
    assert [item.line for item in found] == [1, 2, 3, 4, 5]
    assert [item.text for item in found if isinstance(item, Text)] == ["one", "  four "]
    reasons = [item.reason for item in found if isinstance(item, BadRow)]
    assert reasons == ["empty text in column 'text'", "invalid UTF-8", "NUL character"]


def test_texts_of_tables_keep_order_and_bad_rows(tmp_path):
    path = put(tmp_path, "a,b\nq1,p1\nbroken\nq2,p2\n", "in.csv.gz")
    first, second, third = read_texts(path, columns=("b", "a"))
    assert first == Text("p1", "q1", 2)
    assert isinstance(second, BadRow)
    assert third == Text("p2", "q2", 4)


def test_texts_of_jsonl_skip_blank_lines_only(tmp_path):
    path = put(tmp_path, '{"text": "a"}\n\n{"other": 1}\n{"text": "b"}\n\n', "in.jsonl")
    first, second, third = read_texts(path)
    assert (first, third) == (Text("a", None, 1), Text("b", None, 4))
    assert second.reason == "empty text in column 'text'"


def test_texts_length_limit_is_optional(tmp_path):
    path = put(tmp_path, "x" * 300_000 + "\n", "in.txt")
    (item,) = read_texts(path)
    assert len(item.text) == 300_000
    assert isinstance(next(read_texts(path, max_characters=300_000)), Text)
    (item,) = read_texts(path, max_characters=299_999)
    assert "300000 characters" in item.reason


def test_texts_missing_column_stops_at_the_first_row(tmp_path):
    path = put(tmp_path, '{"message": "a"}\n' * 3, "in.jsonl")
    found = read_texts(path)
    assert "has no column 'text'" in refusal(next, found)
    assert "has no column 'b'" in refusal(
        list, read_texts(put(tmp_path, "a\n", "a.txt"), ("text", "b"))
    )


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.jsonl.gz"])
def test_streaming_stays_flat_in_memory(tmp_path, name):
    filler = "where is my card " * 6
    lines = {"txt": f"{filler}\n", "csv": f'"{filler}, please",x\n'}
    line = lines.get(name.partition(".")[2], json.dumps({"text": filler}) + "\n")
    header = "text,label\n" if "csv" in name else ""
    path = put(tmp_path, header + line * 100_000, name)
    tracemalloc.start()
    try:
        count = sum(isinstance(item, Text) for item in read_texts(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 1_000_000  # the file's text is over ten times that


def test_what_is_out_of_scope_is_learned_by_the_other_tasks_alone(tmp_path):
    """No row is lost, since each has another label; none keeps the one that is not learned."""
    rows = "a,good,1\nb,bad,2\nc,weather,3\n"
    (tmp_path / "train.csv").write_text("text,mood,stars\n" + rows)
    tasks = {
        "mood": Task(column="mood", ood_label="weather", ood_detector="energy"),
        "stars": Task(kind="regress", column="stars"),
    }
    data = Data(root=str(tmp_path), splits={"train": "train.csv"})
    train = read_splits(data, tasks).splits["train"]
    assert train.labels["mood"].tolist() == [1, 0, -1]
    assert train.labels["stars"].ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize("dev", ["dev.csv", "../here/dev.csv", "*.csv"])
def test_a_file_is_not_learned_and_scored_on(tmp_path, dev):
    """Whatever it is called; a glob takes more than it was meant to."""
    folder = tmp_path / "here"
    folder.mkdir()
    for name in ("train.csv", "dev.csv"):
        (folder / name).write_text("text,mood\na,good\nb,bad\n")
    data = Data(root=str(folder), splits={"train": "*.csv", "dev": dev})
    with pytest.raises(
        InputError, match=r"data\.splits\.dev: .*dev\.csv is a file of data\.splits"
    ):
        read_splits(data, {"mood": Task(column="mood")})


def test_texts_without_labels_may_be_those_of_any_split(tmp_path):
    """A pool of texts whose labels nobody reads is no leak of them."""
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("text,mood\na,good\nb,bad\n")
    parts = {
        "own": {"splits": {"train": "train.csv", "test": "test.csv"}},
        "pool": {"splits": {"train": "test.csv"}, "tasks": []},
    }
    rooted = {name: {"root": str(tmp_path), **own} for name, own in parts.items()}
    corpus = read_splits(Data(mixture=rooted), {"mood": Task(column="mood")})
    assert len(corpus.splits["train"]) == 4


def test_a_train_that_is_all_out_of_scope_is_refused(tmp_path):
    """What a score tells is not learned: nothing would be left, or texts without a label."""
    task = Task(labels=("a", "other"), ood_label="other", ood_detector="energy")
    for content in ("text,label\nhi,other\nyo,other\n", "text,label\nhi,other\nyo,\n"):
        message = refusal(read, tmp_path, content, {"mood": task})
        assert message == (
            "data.splits.train: every label of task mood is 'other', which "
            "tasks.mood.ood_detector=energy does not learn; add rows with other labels, or set "
            "tasks.mood.ood_detector to class"
        )
