"""`tfsocial init`: the folder it writes is a run."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import tiny_run
import yaml

import tfsocial
from tfsocial.config import Model
from tfsocial.errors import InputError
from tfsocial.init.columns import Labels
from tfsocial.init.recipe import choose
from tfsocial.init.run import Written, init

MOODS = {"happy": ("my card is good", "nice order number"), "sad": ("my card is bad", "late order")}


def write_table(path: Path, times: int = 40, unlabelled: int = 0) -> Path:
    """`times` texts of each mood, no two alike, with numbers; then texts without a mood."""
    rows = [
        (f"{texts[number % 2]} {chr(97 + number % 26) * 9} {number}", mood, f"desk {number % 3}")
        for number in range(times)
        for mood, texts in MOODS.items()
    ]
    rows += [
        (f"it is {chr(97 + number % 26) * 9} {number}", "", "") for number in range(unlabelled)
    ]
    return tiny_run.write_csv(path, ("text", "mood", "desk"), rows)


@pytest.fixture
def model(tmp_path) -> Model:
    """A tokenizer of a few words; without weights nothing is said of wrong labels."""
    vocabulary = tiny_run.write_vocabulary(tmp_path / "vocabulary")
    return Model.model_validate({"checkpoint": "random", "random": {"vocabulary": str(vocabulary)}})


def texts_of(written: Written, split: str) -> list[str]:
    with (written.folder / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]


def trained(written: Written, folder: Path) -> tfsocial.TrainedRun:
    """Two steps of the config as it is written, by a tiny encoder."""
    tree = tiny_run.tree(folder)
    answers = dict.fromkeys(written.licence_keys, "written for this test")
    config = tfsocial.load_config(
        written.config,
        {key: tree[key] for key in ("model", "report")},
        {"training": {"max_steps": 2, "compile": "graph", "precision": "float32"}},
        overrides={**answers, "model.random.positions": 128},
    )
    return tfsocial.train(config, folder / "run", device="cpu")


def test_a_table_becomes_a_run(tmp_path, model):
    """Splits, tasks, the recipe; with the one open sentence filled in it trains."""
    written = init(write_table(tmp_path / "tickets.csv"), tmp_path / "new", model=model)
    values = yaml.safe_load(written.config.read_text("utf-8"))
    assert values["tasks"] == {"mood": {"column": "mood"}}
    assert values["data"]["splits"] == {"train": "train.csv", "dev": "dev.csv"}
    assert "licence_ack" not in values["data"]
    assert {path.name for path in written.folder.iterdir()} == {
        *("config.yaml", "train.csv", "dev.csv")
    }
    assert sum(written.rows.values()) == 80
    assert written.recipe.name == "full"
    assert "attributes: {desk: desk}" in written.config.read_text("utf-8")
    assert trained(written, tmp_path).report


def test_without_the_sentence_about_the_licence_nothing_is_trained(tmp_path, model):
    written = init(write_table(tmp_path / "tickets.csv"), tmp_path / "new", model=model)
    config = tfsocial.load_config(written.config)
    with pytest.raises(InputError, match=r"--set data\.licence_ack='WHY'"):
        tfsocial.train(config, tmp_path / "run", device="cpu")


def test_texts_without_a_label_are_a_pool(tmp_path, model):
    table = write_table(tmp_path / "tickets.csv", times=12, unlabelled=60)
    written = init(table, tmp_path / "new", model=model)
    assert (written.recipe.name, written.rows["pool"]) == ("pool", 60)
    assert written.licence_keys == (
        "data.mixture.own.licence_ack",
        "data.mixture.pool.licence_ack",
    )
    values = yaml.safe_load(written.config.read_text("utf-8"))
    assert values["data"]["mixture"]["pool"] == {"splits": {"train": "pool.csv"}, "tasks": []}
    assert len(texts_of(written, "pool")) == 60


def test_repeated_texts_lie_in_one_split(tmp_path, model):
    table = tmp_path / "tickets.csv"
    write_table(table, times=150)
    with table.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    again = [[f"{text}!", *others] for text, *others in rows]
    tiny_run.write_csv(table, header, [*rows, *again])
    written = init(table, tmp_path / "new", model=model)
    assert written.facts.repeated == 600
    train, dev, test = (
        {text.rstrip("!") for text in texts_of(written, split)} for split in written.rows
    )
    assert not train & (dev | test)
    assert not dev & test


def test_what_m0_cannot_read_says_nothing_of_labels(tmp_path):
    """English MiniLM on Chinese: labels thrown at random would look wrong, right ones too."""
    rows = [
        (f"我的第{number}张卡在哪里{chr(0x4E00 + number)}", "ab"[number % 2])
        for number in range(80)
    ]
    table = tiny_run.write_csv(tmp_path / "tickets.csv", ("text", "label"), rows)
    written = init(table, tmp_path / "new")
    assert (written.facts.noise, written.recipe.name) == (None, "full")
    assert "labels were not checked" in str(written)
    assert "name a checkpoint that reads yours: model.checkpoint" in str(written)


def test_rows_without_text_are_left_out_and_said(tmp_path, model):
    table = write_table(tmp_path / "tickets.csv")
    with table.open("a", encoding="utf-8") as file:
        file.write(",happy,desk 1\n")
    written = init(table, tmp_path / "new", model=model)
    assert sum(written.rows.values()) == 80
    assert "1 rows have no text" in (written.folder / "quarantine.jsonl").read_text("utf-8")


def test_nothing_is_written_where_a_table_cannot_be_used(tmp_path, model):
    table = tiny_run.write_csv(tmp_path / "t.csv", ("text",), [(f"text {n}",) for n in range(9)])
    with pytest.raises(InputError, match="no column can be labels: there is none beside the text"):
        init(table, tmp_path / "new", model=model)
    assert not (tmp_path / "new").exists()


def test_what_is_printed_ends_with_two_commands(tmp_path, model):
    written = init(write_table(tmp_path / "tickets.csv"), tmp_path / "new", model=model)
    *_, inspect, train = str(written).splitlines()
    assert inspect.split()[:2] == ["tfsocial", "inspect"]
    assert train.split()[:3] == ["tfsocial", "train", f"--config={written.config}"]
    assert train.endswith('--set data.licence_ack="WHY YOU MAY USE THESE TEXTS"')


def labels(kind: str = "classify", each: int = 100, classes: int = 4) -> Labels:
    counts = {f"class {number}": each for number in range(classes)}
    return Labels("label", kind, counts, each * classes)


@pytest.mark.parametrize(
    ("task", "unlabelled", "suspected", "name"),
    [
        (labels(each=8), 0, 0.0, "few_shot"),
        (labels(each=8), 200, 0.0, "pool"),
        (labels(each=8), 20, 0.0, "few_shot"),
        (labels(), 0, 0.4, "noisy_labels"),
        (labels(), 1000, 0.0, "full"),
        (labels("multilabel", each=8), 0, 0.0, "full"),
        (Labels("score", "regress", {}, 50), 0, 0.0, "full"),
    ],
)
def test_the_recipe_that_fits(task, unlabelled, suspected, name):
    recipe = choose((task,), unlabelled, suspected)
    assert recipe.name == name
    assert recipe.why
