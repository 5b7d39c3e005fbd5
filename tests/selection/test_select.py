"""`tfsocial select`, as it is called; M0 is the real one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from said_by_commands import one_sentence

from tests.selection.conftest import ABOUT, POOL
from tfsocial import api
from tfsocial.__main__ import main
from tfsocial.errors import InputError


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def about(path: Path) -> list[str]:
    """What the chosen texts are about."""
    known = dict(POOL)
    return [known[row["text"]] for row in rows_of(path)]


def test_a_cold_start_asks_about_each_thing_once(pool, tmp_path, capsys):
    assert main(["select", f"--pool={pool}", f"--output={tmp_path / 'ask.csv'}", "--n=3"]) == 0
    assert sorted(about(tmp_path / "ask.csv")) == sorted(ABOUT)
    said = capsys.readouterr().out
    assert "3 of 9 texts to label" in said
    assert "strategy typi_clust: labels of two classes are not known yet" in said


def test_the_columns_of_the_pool_stay_and_the_labels_is_empty(pool, tmp_path):
    api.select(pool, tmp_path / "ask.csv", n=2, label="topic")
    for row in rows_of(tmp_path / "ask.csv"):
        assert list(row) == ["id", "text", "topic"]
        assert POOL[int(row["id"])][0] == row["text"]
        assert row["topic"] == ""


def test_what_is_labelled_is_not_asked_again(pool, labelled, tmp_path):
    """Nor what looks the same; and another file of labels goes on where the first ends."""
    more = tiny_run.write_csv(
        tmp_path / "more.csv", ("topic", "text"), [("pizza", " Is the  PIZZA vegetarian ")]
    )
    chosen = api.select(pool, tmp_path / "ask.jsonl", labelled=[labelled, more], n=99)
    lines = (tmp_path / "ask.jsonl").read_text("utf-8").splitlines()
    asked = {json.loads(line)["text"] for line in lines}
    done = {texts[0] for texts in ABOUT.values()} | {"is the pizza vegetarian"}
    assert asked == {text for text, _ in POOL} - done
    assert chosen.n == 5
    assert json.loads(lines[0])["topic"] == ""


def test_the_pool_may_be_the_labelled_file(tmp_path):
    """Its rows with a label count as labelled, the others are asked about."""
    rows = [(text, label if number % 3 == 0 else "") for number, (text, label) in enumerate(POOL)]
    path = tiny_run.write_csv(tmp_path / "all.csv", ("text", "label"), rows)
    assert api.select(path, tmp_path / "ask.csv", labelled=[path], n=99).n == 6


def test_equal_and_nearly_equal_texts_are_asked_about_once(tmp_path):
    texts = ["where is my parcel, please tell me", "WHERE is my parcel,  please tell me"]
    texts += ["where is my parcel, please tell me!", "the soup was cold", "", "a\x00b"]
    path = tiny_run.write_csv(tmp_path / "pool.csv", ("text",), [(text,) for text in texts])
    chosen = api.select(path, tmp_path / "ask.csv", n=99)
    assert (chosen.n, chosen.near, chosen.unreadable) == (2, 1, 2)
    assert "the soup was cold" in {row["text"] for row in rows_of(tmp_path / "ask.csv")}


def test_texts_that_look_out_of_scope_are_kept_apart(pool, tmp_path):
    """The labelled ones say what is out of scope; nearly all of pizza is."""
    rows = [(text, "oos" if label == "pizza" else label) for text, label in POOL] * 8
    known = tiny_run.write_csv(tmp_path / "known.csv", ("text", "topic"), rows)
    more = [(text,) for text in ("my card is stolen", "a cheese pizza please", "the late plane")]
    fresh = tiny_run.write_csv(tmp_path / "fresh.csv", ("text",), more)
    chosen = api.select(fresh, tmp_path / "ask.csv", labelled=[known], n=9)
    beside = tmp_path / "ask.out_of_scope.csv"
    assert chosen.out_of_scope == (1, beside)
    assert [row["text"] for row in rows_of(beside)] == ["a cheese pizza please"]
    assert "1 look out of scope and are not asked for" in str(chosen)
    assert {row["text"] for row in rows_of(tmp_path / "ask.csv")} == {more[0][0], more[2][0]}


def test_chinese_texts_are_told_apart(tmp_path):
    """M0 reads no Chinese to speak of; normal forms and near texts do not need it."""
    texts = ["我的银行卡被偷了", "我的银行卡被偷了！", "披萨上面有奶酪吗", "航班什么时候起飞"]
    path = tiny_run.write_csv(tmp_path / "pool.csv", ("内容",), [(text,) for text in texts])
    chosen = api.select(path, tmp_path / "ask.csv", n=99)
    assert chosen.n == 4 - chosen.near
    assert {row["内容"] for row in rows_of(tmp_path / "ask.csv")} <= set(texts)


def test_a_run_says_itself_what_it_doubts(moods, tmp_path):
    path = tiny_run.write_csv(
        tmp_path / "pool.csv", ("text",), [("a b c",), ("c d",), ("late card",), ("e f g",)]
    )
    chosen = api.select(path, tmp_path / "ask.csv", model=moods, strategy="margin", n=2)
    assert chosen.choice.why == "as asked for"
    assert chosen.source == "the model's own task 'mood'"
    predictor = api.load_predictor(moods / "model")
    (task,) = predictor.labels
    texts = [("a b c",), ("c d",), ("late card",), ("e f g",)]
    p = np.sort(predictor.many(texts).tasks[task], axis=1)
    expected = [texts[row][0] for row in np.argsort(p[:, -1] - p[:, -2], kind="stable")[:2]]
    assert [row["text"] for row in rows_of(tmp_path / "ask.csv")] == expected


def test_the_same_call_chooses_the_same(pool, tmp_path):
    for name in ("one.csv", "two.csv"):
        api.select(pool, tmp_path / name, strategy="random", n=4, seed=3)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--n=0"], "--n=0: has to be 1 or more"),
        (["--strategy=margins"], "--strategy=margins: did you mean margin?"),
        (["--output=ask.xlsx"], "--output=ask.xlsx: has to end in .csv, .tsv or .jsonl"),
        (["--output=pool.csv"], "--output=pool.csv: is one of the files that are read"),
        (["--pool=gone.csv"], "--pool=gone.csv: there is no such file or folder"),
        (["--text=txt"], "pool.csv: has no column 'txt'"),
        (["--label=topics", "--labelled=labelled.csv"], "--labelled=labelled.csv: has no column"),
        (["--strategy=margin"], "weighs doubts between labels, and labels of two classes are not"),
    ],
)
def test_what_cannot_be_is_one_sentence(pool, labelled, tmp_path, monkeypatch, capsys, flags, said):
    monkeypatch.chdir(tmp_path)
    assert main(["select", "--pool=pool.csv", "--output=ask.csv", *flags]) == 2
    assert said in one_sentence(capsys.readouterr().err)
    assert not (tmp_path / "ask.csv").exists()


def test_nothing_left_is_a_sentence(labelled, tmp_path):
    with pytest.raises(InputError, match="nothing is left to label; its 3 texts"):
        api.select(labelled, tmp_path / "ask.csv", labelled=[labelled])
