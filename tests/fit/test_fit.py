"""From a table to a model, with trainings whose scores are set by hand; all else is real."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import pytest
import tiny_run
import yaml

import tfsocial
from fit.conftest import write_table
from tfsocial.config import Model
from tfsocial.errors import InputError
from tfsocial.fit import run, table_folder
from tfsocial.fit.asked import Asked
from tfsocial.fit.candidates import candidates
from tfsocial.tuning.training_process import TrainingError

MEMBERS = ("0", "1", "2")


def _rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["mood"]) for row in csv.DictReader(file)]


def test_the_best_on_folds_is_trained_on_all_and_exported(won):
    fitted = won.fitted
    assert fitted.winner == "few_shot"
    assert [row.name for row in fitted.rows] == ["few_shot", "L", "frozen", "full"]
    assert [row.score for row in fitted.rows[:3]] == pytest.approx([0.8, 0.7, 0.6])
    trained = [name for part, name in won.begun if part == "all"]
    assert sorted(trained) == [f"few_shot-{seed}" for seed in MEMBERS]
    answers = tfsocial.predict(fitted.served, ["my card is good"])
    assert answers[0]["mood"]["label"] in ("happy", "sad")
    assert "* few_shot" in (won.output / "leaderboard.txt").read_text("utf-8")
    assert '<tr class="winner"><td>few_shot' in (won.output / "leaderboard.html").read_text()


def test_folds_hold_each_row_once_and_no_training_sees_its_own(won):
    folds = sorted((won.output / "data" / "folds").iterdir())
    held = [row for fold in folds for row in _rows(fold / "test.csv")]
    assert sorted(held) == sorted(_rows(won.table))
    for fold in folds:
        assert not set(_rows(fold / "test.csv")) & set(_rows(fold / "train.csv"))
        assert {mood for _, mood in _rows(fold / "test.csv")} == {"happy", "sad"}


def test_a_candidate_that_falls_behind_is_left_out_of_later_folds(won):
    tried = [part for part, name in won.begun if name == "full-0"]
    assert tried == ["fold-0", "fold-1"]
    assert len([1 for part, name in won.begun if name == "L-0"]) == 5


def test_that_nobody_said_whose_texts_these_are_is_said(won):
    assert "nobody said whose texts these are" in str(won.fitted)


def test_of_equal_ones_the_simplest_wins(asked, pretended, tmp_path):
    """And where another is no better than the frozen encoder, it is alone."""
    pretended.scores = {"frozen": 0.9, "L": 0.9, "few_shot": 0.8, "full": 0.9}
    fitted = run.fit(asked(), tmp_path / "out")
    assert fitted.winner == "frozen"
    assert [name for part, name in pretended.begun if part == "all"] == ["frozen-0"]
    assert (fitted.members, fitted.way) == (1, "alone")


def test_a_candidate_that_fails_is_on_the_leaderboard_and_a_killed_call_goes_on(
    asked, pretended, tmp_path
):
    """L is ahead of what the recipes add, by the same on every fold."""
    pretended.scores = {
        "frozen": 0.5,
        "L": 0.9,
        "few_shot": TrainingError("the loss stopped being finite"),
        "full": 0.8,
    }
    said = asked(licence_ack="our own customers'")
    first = run.fit(said, tmp_path / "out")
    assert first.winner == "L"
    assert "few_shot  failed: the loss stopped being finite" in str(first)
    assert "nobody said" not in str(first)
    config = (tmp_path / "out" / "trainings" / "all" / "L-0.yaml").read_text("utf-8")
    assert "our own customers" in config
    begun = list(pretended.begun)
    (tmp_path / "out" / "leaderboard.json").unlink()
    (tmp_path / "out" / "spent.json").write_text('{"seconds": 1e9}')  # no time is left at all
    again = run.fit(said, tmp_path / "out")
    assert pretended.begun == begun
    rows = [row for row in first.rows if row.name != "few_shot"]  # it would be tried again
    assert [row for row in again.rows if row.name != "few_shot"] == rows
    assert dataclasses.replace(again, minutes=first.minutes, rows=first.rows) == first


def test_a_large_table_has_a_dev_instead_of_folds_and_its_test_is_scored_once(
    asked, pretended, tmp_path, monkeypatch, table
):
    monkeypatch.setattr("tfsocial.fit.table_folder.CROSSED_UP_TO", 20)
    pretended.scores = {"L": 0.9}
    fitted = run.fit(asked(test=table), tmp_path / "out")
    assert {part for part, _ in pretended.begun} == {"all"}
    assert len(pretended.begun) == len(set(pretended.begun)), "the winner's first is trained once"
    assert fitted.scored_on == "6 rows of dev"
    assert set(fitted.together) == {"alone", "mean of weights", "ensemble"}
    assert fitted.test["mood"]["count"] == 60
    assert f"test: mood: accuracy {fitted.test['mood']['accuracy']:.4g}" in str(fitted)


def test_where_nothing_can_be_trained_that_is_said(asked, pretended, tmp_path):
    failure = TrainingError("the loss stopped being finite")
    pretended.scores = dict.fromkeys(("frozen", "L", "few_shot", "full"), failure)
    with pytest.raises(InputError, match="no candidate could be trained; frozen: the loss stopped"):
        run.fit(asked(), tmp_path / "out")


def test_with_hardly_any_time_there_is_a_model_all_the_same(hasty):
    """The frozen encoder on one fold, and on all."""
    assert hasty.begun == [("fold-0", "frozen-0"), ("all", "frozen-0")]
    assert hasty.fitted.winner == "frozen"
    assert "few_shot  was not tried: no time" in str(hasty.fitted)


def test_a_test_without_the_table_s_columns_is_refused_before_anything_is_trained(
    asked, pretended, tmp_path
):
    other = tiny_run.write_csv(tmp_path / "other.csv", ("text", "feeling"), [("a", "b")])
    with pytest.raises(InputError, match=r"other\.csv: has no column mood, as the table has"):
        run.fit(asked(test=other), tmp_path / "out")
    assert pretended.begun == []


def test_another_winner_is_another_served_version(hasty, won):
    """Of a second call with more minutes, say."""
    first, second = hasty.fitted, won.fitted
    assert (first.winner, second.winner) == ("frozen", "few_shot")
    assert (first.served.name, second.served.name) == ("1", "2")


@pytest.mark.parametrize(
    ("columns", "names", "flags"),
    [
        (("text", "topic", "rating"), {"topic", "rating"}, ("topic", "rating")),
        (("message", "mood"), {"mood"}, ()),
    ],
)
def test_configs_of_other_tables_load(m0, tmp_path, columns, names, flags):
    """Two columns of labels, one of them numbers; a text column of another name, with a pool."""
    cells = [(f"my card {n}", "card" if n % 2 else "order", n % 5 + 0.5) for n in range(40)]
    pool = [(f"the order {n} is late", "", "") for n in range(100)]
    rows = [row[: len(columns)] for row in cells + (pool if "mood" in columns else [])]
    data = tiny_run.write_csv(tmp_path / "t.csv", columns, rows)
    wanted = Asked(data, labels=flags, model=Model(checkpoint=str(m0)))
    table = table_folder.prepare(wanted, tmp_path / "out")
    listed = candidates(table.written, 1)
    for candidate in listed:
        config = table.config(candidate, table.parts()[0], 0, {})
        assert set(config.tasks) == names
        assert all(source.text == (columns[0],) for source in config.data.sources.values())
    assert ("pool" in {one.name for one in listed}) == ("mood" in columns)


def test_rows_that_are_all_alike_are_shared_out_all_the_same(asked, pretended, tmp_path, table):
    """Nearly the same text again and again, as forms and templates leave behind."""
    rows = [
        (f"{text} {n}", mood)
        for n in range(20)
        for text, mood in (("where is my parcel number", "happy"), ("my card is broken no", "sad"))
    ]
    tiny_run.write_csv(table, ("text", "mood"), rows)
    run.fit(asked(minutes=1e-6), tmp_path / "out")
    folds = sorted((tmp_path / "out" / "data" / "folds").iterdir())
    assert [len(_rows(fold / "test.csv")) for fold in folds] == [8] * 5


def test_one_text_again_and_again_is_nothing_to_compare_on(asked, tmp_path, table):
    tiny_run.write_csv(table, ("text", "mood"), [("the same", "happy"), ("the same", "sad")] * 9)
    with pytest.raises(InputError, match="its 18 labelled rows are one text"):
        run.fit(asked(), tmp_path / "out")


def test_labels_of_any_letters_survive(asked, pretended, tmp_path, table):
    rows = [(f"{text} 是", "😀" if mood == "happy" else mood) for text, mood in _rows(table)]
    tiny_run.write_csv(table, ("text", "mood"), rows)
    run.fit(asked(minutes=1e-6), tmp_path / "out")
    config = (tmp_path / "out" / "trainings" / "all" / "frozen-0.yaml").read_text("utf-8")
    assert yaml.safe_load(config)["tasks"]["mood"]["labels"] == ["sad", "😀"]


def test_another_table_is_refused_a_folder(asked, hasty, table):
    write_table(table, times=31)
    with pytest.raises(InputError, match="made of another table or of other settings"):
        run.fit(asked(overrides=("data.rows=3",)), hasty.output)


def test_a_folder_with_other_files_is_refused(asked, tmp_path):
    with pytest.raises(InputError, match="holds files already; name a new folder"):
        run.fit(asked(), tmp_path)


def test_minutes_are_more_than_none(asked):
    with pytest.raises(InputError, match="--minutes=0: has to be more than 0"):
        asked(minutes=0)


@pytest.mark.parametrize("override", ["seed=3", "training.monitor=macro_f1", "data.splits={}"])
def test_what_fit_decides_itself_is_no_override(asked, override):
    with pytest.raises(InputError, match="is what `fit` decides itself"):
        asked(overrides=(override,))


def test_an_override_goes_over_every_candidate(won):
    for config in (won.output / "trainings").glob("*/*.yaml"):
        assert yaml.safe_load(config.read_text("utf-8"))["data"]["rows"] == 3, config


def test_the_leaderboard_is_json_too(hasty):
    assert hasty.leaderboard["winner"] == "frozen"
    assert hasty.leaderboard["models"] == [str(model) for model in hasty.fitted.models]
