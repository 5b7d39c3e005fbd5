"""`import tfsocial`: its names, and each function as a notebook calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_run

import tfsocial

NAMES = {
    *("load_config", "train", "evaluate", "predict", "export", "inspect", "load_predictor"),
    *("init_config", "label", "select", "show_augment", "tf_serving", "compress", "compose"),
    *("TrainedRun", "Evaluation", "Inspection", "InputError", "__version__"),
}


@pytest.fixture(scope="module")
def moods(tmp_path_factory) -> Path:
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


@pytest.fixture(scope="module")
def trained(moods, tmp_path_factory) -> tfsocial.TrainedRun:
    config = tfsocial.load_config(tiny_run.write_config(moods), overrides={"training.epochs": 8})
    return tfsocial.train(config, tmp_path_factory.mktemp("run"), device="cpu")


def test_the_public_names_are_these():
    """Who adds or drops one changes this list, and the changelog."""
    assert set(tfsocial.__all__) == set(dir(tfsocial)) == NAMES
    assert all(getattr(tfsocial, name) is not None for name in NAMES)
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = tfsocial.trian


def test_importing_it_and_loading_a_config_imports_no_tensorflow():
    """A notebook's first cell is quick, a command's --help too; a device is prepared before it."""
    asked = (
        "import sys, importlib, tfsocial, tfsocial.__main__ as door\n"
        "for name in door.COMMANDS:\n"
        "    importlib.import_module(f'tfsocial.cli.{name.replace(chr(45), chr(95))}')\n"
        "tfsocial.load_config({'tasks': {'mood': {'column': 'label'}}})\n"
        "print([name for name in ('tensorflow', 'transformers', 'sklearn') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert (run.stdout.strip(), run.returncode) == ("[]", 0), run.stderr


def test_a_config_is_made_of_files_recipes_and_mappings(moods):
    """Later ones lie over earlier ones; overrides are Python values."""
    config = tfsocial.load_config(
        tiny_run.write_config(moods),
        "recipe:few_shot",
        {"training": {"epochs": 7}, "tasks": {"mood": {"labels": ["happy", "sad"]}}},
        overrides={"seed": 3, "data.text": ["text"], "report.baselines": True},
    )
    assert (config.training.epochs, config.seed, config.report.baselines) == (7, 3, True)
    assert config.model.head_init == "probe"
    assert config.tasks["mood"].labels == ("happy", "sad")
    with pytest.raises(tfsocial.InputError, match=r"config: training\.epoch is not a known key"):
        tfsocial.load_config({"training": {"epoch": 3}})


def test_paths_of_a_mapping_count_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tfsocial.load_config({"data": {"root": "tickets"}})
    assert config.data.root == str(tmp_path / "tickets")


def test_training_gives_the_report_and_the_model(trained):
    assert trained.model == trained.workdir / "model"
    assert trained.report == json.loads((trained.workdir / "report.json").read_text("utf-8"))
    assert str(trained) == (trained.workdir / "report.txt").read_text("utf-8")
    assert "dev" in trained.report


def test_a_folder_of_something_else_is_no_workdir(moods, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(tfsocial.InputError, match=r"^workdir=.*: holds files, but no config\.yaml"):
        tfsocial.train(tfsocial.load_config(tiny_run.write_config(moods)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_predictions_are_the_same_from_model_and_saved_model(trained, tmp_path):
    texts = ["my card is good thanks", "the order is late"]
    saved = tfsocial.export(trained.model, tmp_path / "1")
    of_model = tfsocial.predict(trained.model, texts)
    loaded = tfsocial.load_predictor(saved)
    of_saved_model = tfsocial.predict(loaded, texts)
    assert [answer["mood"]["label"] for answer in of_model] == ["happy", "sad"]
    for one, other in zip(of_model, of_saved_model, strict=True):
        assert one["mood"]["probabilities"] == pytest.approx(
            other["mood"]["probabilities"], abs=1e-5
        )
    assert list(tfsocial.predict(loaded, texts, top=1)[0]["mood"]["probabilities"]) == ["happy"]
    assert np.linalg.norm(loaded.embed(texts), axis=1).min() > 0
    with pytest.raises(tfsocial.InputError, match=r"^model=nowhere: there is no such file"):
        tfsocial.predict("nowhere", texts)


def test_an_evaluation_scores_a_file(trained, moods, tmp_path):
    found = tfsocial.evaluate(
        trained.model, moods / "dev.csv", train=moods / "train.csv", output=tmp_path / "new"
    )
    assert found.findings.keys() == {"quality", "calibration", "baselines"}
    assert (found.rows, list(found.unreadable)) == (16, [])
    assert "accuracy" in str(found)
    assert json.loads((tmp_path / "new" / "evaluation.json").read_text("utf-8"))["rows"] == 16


def test_an_inspection_tells_of_the_data(moods, tmp_path):
    config = tfsocial.load_config(tiny_run.write_config(moods))
    found = tfsocial.inspect(config)
    assert found.facts["splits"].keys() == {"train", "dev"}
    assert str(found).startswith("data of tiny")
    tfsocial.inspect(config, tmp_path / "report")
    assert (tmp_path / "report" / "inspect.html").stat().st_size > 1000


def test_a_table_becomes_a_config(tmp_path):
    """What it returns says where the config is and which keys wait for an answer."""
    rows = [(f"my card is {name * 9} {n}", name) for n in range(20) for name in "ab"]
    table = tiny_run.write_csv(tmp_path / "my.csv", ("text", "mood"), rows)
    checkpoint = str(tiny_run.write_vocabulary(tmp_path / "vocabulary"))
    with pytest.raises(tfsocial.InputError, match=r"nothing: there is no such column"):
        tfsocial.init_config(table, tmp_path / "new", labels=["nothing"])
    with pytest.raises(tfsocial.InputError, match=r"^data=nowhere: there is no such file"):
        tfsocial.init_config("nowhere", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    written = tfsocial.init_config(table, tmp_path / "new", checkpoint=checkpoint)
    config = tfsocial.load_config(
        written.config, overrides=dict.fromkeys(written.licence_keys, "written for this test")
    )
    assert (list(config.tasks), config.data.licence_ack) == (["mood"], "written for this test")
    assert str(written).startswith("text:   text")
    with pytest.raises(tfsocial.InputError, match=r"^output=.*new: is there already"):
        tfsocial.init_config(table, tmp_path / "new")


def test_texts_are_shown_as_a_run_would_read_them(moods):
    augmented = {"data": {"augment": [{"word_swap": {"rate": 1.0}}]}}
    config = tfsocial.load_config(tiny_run.write_config(moods), augmented)
    shown = tfsocial.show_augment(config, samples=2, epochs=1)
    assert (shown.before[1], shown.after["", 1][1]) == ("the card is late", "card the late is")
    assert "  augment     epoch 1: card the late is" in str(shown)


def test_the_files_of_a_server_are_written_for_what_was_exported(trained, tmp_path):
    with pytest.raises(tfsocial.InputError, match=r"^model=.*: holds no version"):
        tfsocial.tf_serving(tmp_path, tmp_path / "serving")
    tfsocial.export(trained.model, tmp_path / "served")
    command = tfsocial.tf_serving(tmp_path / "served", tmp_path / "serving", "moods", threads=3)
    assert command[0] == "tensorflow_model_server"
    assert "--tensorflow_intra_op_parallelism=3" in command
    models = (tmp_path / "serving" / "models.config").read_text("utf-8")
    assert 'base_path: "/models/moods"' in models
    assert 'key: "stable" value: 1' in models
