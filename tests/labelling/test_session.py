"""What is asked, kept, taken back, shown and written."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from unittest import mock

import pytest
import tiny_run

from tests.labelling.conftest import EACH, TEXTS, THINGS, label_next, thing
from tfsocial import api
from tfsocial.errors import InputError
from tfsocial.labelling import export
from tfsocial.labelling.words import WORDS
from tfsocial.selection.auto import REASONS


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def until(true) -> None:
    """Waits for something that goes on in the background."""
    deadline = time.monotonic() + 300  # the machine may be busy
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def test_the_first_batch_has_each_thing(opened):
    session = opened()
    keys = session.assistant.analysis.queue
    texts = [session.texts.texts[session.texts.place[key]][0] for key in keys]
    assert len(texts) == 10
    assert {thing(text) for text in texts} == set(THINGS)


def test_all_texts_come_once_and_then_none(opened):
    session = opened()
    keys = [label_next(session) for _ in TEXTS]
    assert sorted(keys) == sorted(session.texts.keys)
    assert session.next_text("ann") is None


def test_the_file_is_what_train_reads(opened, tmp_path):
    """The columns there were, the label, a note; rows in their order."""
    session = opened()
    keys = [label_next(session) for _ in range(5)]
    session.do("ann", "note", keys[0], "not sure", "note-1")
    session.stop()
    rows = rows_of(tmp_path / "labels.csv")
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), key=int)
    assert all(row["label"] == thing(row["text"]) for row in rows)
    assert sum(row["note"] == "not sure" for row in rows) == 1
    assert len(rows) == 5


def test_a_new_session_goes_on_where_the_last_one_was(opened):
    first = opened()
    keys = {label_next(first) for _ in range(4)}
    first.stop()
    second = opened()
    assert second.progress("ann").mine == 4
    assert {label_next(second) for _ in range(4)}.isdisjoint(keys)


def test_labels_of_the_file_count(opened, tmp_path):
    rows = [(text, thing(text) if number < 6 else "") for number, text in enumerate(TEXTS)]
    path = tiny_run.write_csv(tmp_path / "half.csv", ("text", "label"), rows)
    session = opened(data=path)
    assert session.progress("ann").labelled == 6
    assert session.names()[:3] == sorted(THINGS)
    assert session.assistant.analysis.p is not None


def test_undo_shows_the_text_again(opened):
    session = opened()
    key = label_next(session)
    session.next_text("ann")
    assert session.undo("ann", "undo-1") == key
    assert session.next_text("ann") == key
    assert session.final() == {}
    assert session.undo("ann", "undo-2") is None


def test_what_is_skipped_comes_last(opened):
    session = opened()
    key = session.next_text("ann")
    session.do("ann", "skip", key, "", "skip-1")
    keys = [label_next(session) for _ in TEXTS]
    assert keys.index(key) == len(TEXTS) - 1


def test_two_people_are_not_asked_the_same_at_once(opened):
    session = opened(overlap=0)
    assert session.next_text("ann") != session.next_text("bob")


def test_a_share_of_texts_is_asked_twice(opened):
    session = opened(overlap=0.5)
    for _ in range(10):
        label_next(session, "ann")
    for _ in range(10):
        label_next(session, "bob")
    assert session.kappas() == {("ann", "bob"): (5, 1.0)}


def test_suggestions_follow_the_labels(opened):
    session = opened()
    for _ in range(9):
        label_next(session)
    until(lambda: session.assistant.analysis.labels >= 6)
    analysis = session.assistant.analysis
    right = [
        analysis.suggestions(place, 1)[0][0] == thing(text)
        for place, (text,) in enumerate(session.texts.texts)
    ]
    assert sum(right) >= 0.9 * len(TEXTS)


def test_a_wrong_label_is_brought_back_and_a_curve_is_drawn(opened):
    session = opened()
    wrong = label_next(session)
    session.do(
        "ann", "label", wrong, next(one for one in THINGS if one != session.final()[wrong]), "x-1"
    )
    for _ in range(3 * EACH - 1):
        label_next(session)
    until(lambda: session.assistant.analysis.labels > 24)
    analysis = session.assistant.analysis
    assert [one.text for one in analysis.suspects] == [wrong]
    (text,) = session.texts.texts[session.texts.place[wrong]]
    assert analysis.suspects[0].likely == thing(text)


def test_a_learning_curve_says_what_to_expect(opened):
    session = opened()
    for _ in range(22):
        label_next(session)
    until(lambda: session.assistant.analysis.curve is not None)
    middle, low, high = session.assistant.analysis.curve.at(35)
    assert 0 <= low <= middle <= high <= 1
    assert middle >= session.assistant.analysis.curve.accuracy[-1]


def test_a_file_of_somebody_else_is_not_overwritten(opened, tmp_path):
    (tmp_path / "labels.csv").write_text("text,label\nmine,card\n")
    with pytest.raises(InputError, match=r"labels\.csv: is there already, and was not written by"):
        opened()
    assert (tmp_path / "labels.csv").read_text() == "text,label\nmine,card\n"


def test_a_log_of_other_texts_is_refused(opened, tmp_path):
    session = opened()
    label_next(session)
    session.stop()
    path = tiny_run.write_csv(tmp_path / "others.csv", ("text",), [("a pizza",), ("a card",)])
    with pytest.raises(InputError, match=r"is of other texts than --data=.*others\.csv"):
        opened(data=path)
    assert len(rows_of(tmp_path / "labels.csv")) == 1


def test_a_disk_that_is_full_is_said_and_the_next_click_tries_again(opened, tmp_path, caplog):
    session = opened()
    with mock.patch.object(
        export.output, "write", side_effect=OSError(28, "No space left on device", "labels.csv")
    ):
        label_next(session)
        until(lambda: "labels.csv: could not be written (No space left" in caplog.text)
    label_next(session)
    until(lambda: (tmp_path / "labels.csv").exists())
    until(lambda: len(rows_of(tmp_path / "labels.csv")) == 2)


@pytest.mark.parametrize("label", ["", "  ", "x" * 201])
def test_what_is_no_label_is_refused_and_not_kept(opened, label):
    session = opened()
    with pytest.raises(InputError, match="label: "):
        session.do("ann", "label", session.next_text("ann"), label, "bad-1")
    assert session.final() == {}


def test_a_text_of_another_file_is_refused(opened):
    with pytest.raises(InputError, match="is not among the texts"):
        opened().do("ann", "label", "0" * 16, "card", "bad-2")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"output": "labels.xlsx"}, "has to end in .csv or .jsonl"),
        ({"output": "texts.csv"}, "is the file that is read"),
        ({"overlap": 2.0}, "--overlap=2: has to be from 0 to 1"),
        ({"language": "de"}, "--language=de"),
        ({"strategy": "all"}, "--strategy=all"),
    ],
)
def test_what_cannot_be_is_a_sentence(data, asked, said):
    asked = {"output": "labels.csv", **asked}
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        api.label(data, data.parent / asked.pop("output"), **asked)


def test_both_languages_say_all():
    english, chinese = WORDS["en"], WORDS["zh"]
    assert english.keys() == chinese.keys() >= REASONS.keys()


@pytest.mark.long
def test_a_model_is_trained_while_people_label(opened, tmp_path):
    """By the recipe for few labels, from the real M0; the next session finds it."""
    session = opened(retrain=True)
    for _ in range(len(TEXTS)):
        label_next(session)
    session.retraining.begin(session.final())
    assert session.retraining.training == len(TEXTS)
    until(lambda: session.retraining.training is None)
    assert session.retraining.failed == ""
    predictor = api.load_predictor(session.retraining.latest.model)
    assert predictor.predict(["an ember on the flight"])[0]["label"]["label"] in THINGS
    session.stop()
    assert opened().retraining.latest.labels == len(TEXTS)
