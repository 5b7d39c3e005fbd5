"""What may be searched, and what is said of a space that makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tfsocial import config as configs
from tfsocial.errors import InputError
from tfsocial.tuning.space import Space, assignment, load_with

ROOT = Path(__file__).parents[2]


def _read(tmp_path, content) -> Space:
    path = tmp_path / "space.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), "utf-8")
    return Space.read(path)


def test_drawn_names_become_values_and_numbers_stay(space):
    drawn = {
        "optimizer.learning_rate": 0.01,
        "optimizer.head_multiplier": 10,
        "objectives.papers": "consistency",
    }
    values = Space.read(space).values(drawn)
    assert values == {**drawn, "objectives.papers": {"r_drop": {"weight": 0.5}}}


@pytest.mark.parametrize("value", [1e-05, 3.5e-7, 0.5, 8, True, None, "mean", {"r_drop": {}}])
def test_an_override_is_read_back_as_it_was(value):
    """YAML takes 1e-05 for a word."""
    assert configs.override({}, [assignment("a.b", value)]) == {"a": {"b": value}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "space.yaml: names no key to search"),
        ({"data.splits.dev": {"choices": ["a", "b"]}}, "data.splits.dev may not be searched"),
        ({"data.shots": {"low": 1, "high": 8}}, "data.shots may not be searched"),
        ({"seed": {"low": 0, "high": 9}}, "seed may not be searched"),
        ({"training.monitor": {"choices": ["accuracy", "macro_f1"]}}, "training.monitor may not"),
        ({"tasks.mood.column": {"choices": ["a", "b"]}}, "tasks.mood.column may not be searched"),
        ({"training": {"choices": {"a": {}, "b": {}}}}, "training may not be searched"),
        ({"training.epochs": 4}, "training.epochs: has to be {low: .., high: ..}"),
        ({"training.epochs": {"low": 4, "high": 2}}, "has to go up; low is 4, high 2"),
        (
            {"training.epochs": {"low": 0, "high": 2, "log": True}},
            "has no logarithm at its low end",
        ),
        ({"training.epochs": {"low": 1, "high": 9, "log": True, "step": 2}}, "log and step"),
        ({"training.epochs": {"low": 1}}, "high"),
        ({"training.epochs": {"low": 1, "high": 2, "lag": 1}}, "lag is not a known key"),
        ({"training.epochs": {"choices": [3]}}, "training.epochs: choices"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused_by_file_and_key(tmp_path, content, sentence):
    with pytest.raises(InputError) as error:
        _read(tmp_path, content)
    assert sentence in str(error.value)
    assert "space.yaml" in str(error.value)


def test_a_key_of_which_the_config_takes_no_value_is_refused_before_the_first_trial(
    tmp_path, config
):
    space = _read(tmp_path, {"optimizer.learning_rat": {"low": 0.1, "high": 0.2}})
    with pytest.raises(InputError, match=r"did you mean optimizer\.learning_rate"):
        space.check([config], ())


def test_a_value_that_only_some_configs_refuse_is_no_reason_to_stop(tmp_path, config):
    """Of dropout from 0 to 1 the upper end is refused: such a trial fails alone."""
    space = _read(tmp_path, {"model.dropout": {"low": 0.0, "high": 1.0}})
    space.check([config], ())
    with pytest.raises(InputError, match="dropout"):
        load_with([config], (), {"model.dropout": 1.0})


SHIPPED = {"few_labels": ["recipe:few_shot"], "full": []}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_of_the_spaces_that_come_along_fits(name, config):
    space = Space.read(ROOT / "configs" / "spaces" / f"{name}.yaml")
    for key, entry in space.keys.items():
        for value in entry.examples:
            tasks = {"objectives.papers": {}} if key != "objectives.papers" else {}
            load_with([config, *SHIPPED[name]], (), {**tasks, key: value})


def test_there_are_no_other_spaces():
    assert {path.stem for path in (ROOT / "configs" / "spaces").iterdir()} == set(SHIPPED)
