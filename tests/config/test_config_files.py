"""Config files and `--set`."""

from __future__ import annotations

import pytest
from configs_by_hand import checked, load_refusal, write

from tfsocial import config
from tfsocial.config import Config, Schedule
from tfsocial.errors import InputError

# --- files -------------------------------------------------------------------------------


def test_a_missing_file_is_named(tmp_path):
    """The path is in the message."""
    path = tmp_path / "none.yaml"
    assert load_refusal(path) == f"{path}: there is no such config file"


def test_a_folder_is_no_config(tmp_path):
    """A folder in the place of the file is said to be one."""
    assert load_refusal(tmp_path) == f"{tmp_path}: is a folder, not a config file"


def test_a_path_through_a_file_cannot_be_read(tmp_path):
    """Other errors of the system come with its own words."""
    path = write(tmp_path, "") / "run.yaml"
    assert load_refusal(path) == f"{path}: cannot be read (Not a directory)"


def test_broken_yaml_names_its_line(tmp_path):
    """The line is counted from 1."""
    path = write(tmp_path, "name: x\nseed: 1\ntasks: {a: [}\n")
    message = load_refusal(path)
    assert message.startswith(f"{path}: line 3: not valid YAML (")


def test_a_key_stands_once(tmp_path):
    """Of two the last would win, unseen: both lines are named, however deep they lie."""
    path = write(tmp_path, "seed: 1\ntraining:\n  epochs: 2\n  patience: 1\n  epochs: 3\n")
    assert load_refusal(path) == (
        f"{path}: line 5: epochs stands twice, first in line 3; keep one of the two"
    )
    path = write(tmp_path, "tasks: {a: {}, b: {}, 'a': {}}\n")
    assert load_refusal(path).startswith(f"{path}: line 1: a stands twice, first in line 1")
    message = load_refusal(write(tmp_path, "seed: 1\n"), "training={epochs: 1, epochs: 2}")
    assert message.startswith("--set training={epochs: 1, epochs: 2}: line 1: epochs stands twice")


def test_one_key_in_two_sections_is_no_repetition(tmp_path):
    """Nor is what a merge brings and the section itself then says anew."""
    text = "tasks:\n  a: &one {column: x, weight: 2}\n  b: {<<: *one, column: y}\n"
    tasks = config.load(write(tmp_path, text)).tasks
    assert (tasks["a"].column, tasks["b"].column, tasks["b"].weight) == ("x", "y", 2.0)


def test_a_broken_byte_is_named(tmp_path):
    """A file in another encoding: where the first byte stands that is not UTF-8."""
    path = write(tmp_path, b"name: caf\xe9\n")
    assert load_refusal(path) == f"{path}: byte 9 is not UTF-8"


@pytest.mark.parametrize(
    ("text", "kind"), [("- a\n- b\n", "list"), ("words\n", "str"), ("3", "int")]
)
def test_a_config_is_keys_and_values(tmp_path, text, kind):
    """A list, a string or a number is valid YAML and no config."""
    path = write(tmp_path, text)
    assert load_refusal(path) == f"{path}: expected keys and values, found {kind}"


@pytest.mark.parametrize(
    ("text", "found"),
    [("name: 2024-01-01\n", "name is datetime.date(2024, 1, 1)"), ("1: 2\n", "1 is 1")],
)
def test_yaml_types_that_json_lacks_are_refused_like_others(tmp_path, text, found):
    """YAML reads dates and numeric keys; they are wrong values and not a crash."""
    path = write(tmp_path, text)
    assert load_refusal(path, "seed=1").startswith(f"{path}: {found}; ")


def test_yaml_cannot_make_objects(tmp_path):
    """Only plain values are read: a tag that would run code is invalid."""
    path = write(tmp_path, "name: !!python/object/apply:os.getcwd []\n")
    assert load_refusal(path).startswith(f"{path}: line 1: not valid YAML")


def test_an_empty_file_is_the_defaults(tmp_path):
    """Nothing said is nothing changed."""
    assert config.load(write(tmp_path, "# nothing\n")) == Config()


# --- --set -------------------------------------------------------------------------------


def test_set_makes_the_sections_it_needs():
    """A deep key is put in though none of its parents is there, and beside those that are."""
    tree = config.override({"data": {"rows": 4}}, ["data.splits.train=[a.csv, b.csv]", "seed=7"])
    assert tree == {"data": {"rows": 4, "splits": {"train": ["a.csv", "b.csv"]}}, "seed": 7}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("", None),
        ("[1, 2]", [1, 2]),
        ("{end: 2}", {"end": 2}),
        ("'3'", "3"),
        ("a=b", "a=b"),
        ("gs://bucket/x", "gs://bucket/x"),
    ],
)
def test_set_reads_values_as_yaml(value, expected):
    """Everything after the first '=' is one YAML value."""
    assert config.override({}, [f"a.b={value}"]) == {"a": {"b": expected}}


def test_set_leaves_the_tree_it_was_given_alone():
    """Overrides go into a copy."""
    tree = {"data": {"rows": 4}}
    config.override(tree, ["data.rows=8"])
    assert tree == {"data": {"rows": 4}}


def test_the_last_set_of_a_key_wins():
    """As on every command line."""
    assert config.override({}, ["seed=1", "seed=2"]) == {"seed": 2}


def test_set_can_put_a_schedule_in_the_place_of_a_number():
    """A key below a number makes a section of it."""
    tree = {"tasks": {"mood": {"weight": 1.0}}}
    chosen = config.parse(config.override(tree, ["tasks.mood.weight.end=2"]))
    assert chosen.tasks["mood"].weight == Schedule(end=2.0)


def test_scientific_notation_is_a_number():
    """YAML 1.1 reads 1e-4 as a string; the config reads it as everybody means it."""
    chosen = config.parse(config.override({}, ["optimizer.learning_rate=1e-4"]))
    assert chosen.optimizer.learning_rate == 1e-4


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("training.epochs", "expected KEY.PATH=VALUE"),
        ("=3", "expected KEY.PATH=VALUE"),
        (" =3", "expected KEY.PATH=VALUE"),
        ("training.epochs=[1", "the value is not valid YAML"),
        ("training.epochs=: : :", "the value is not valid YAML"),
        ("name=2024-13-45", "the value is not valid YAML"),
    ],
)
def test_a_set_that_is_none_says_so(assignment, reason):
    """The message repeats what was typed and what was expected."""
    with pytest.raises(InputError) as caught:
        config.override({}, [assignment])
    assert checked(caught) == f"--set {assignment}: {reason}"


@pytest.mark.parametrize(
    "key", ["data.cache", "data.back_translation"], ids=["tokens", "paraphrases"]
)
def test_a_cache_is_on_this_machine(key):
    """It is mapped into memory, which no bucket can be."""
    value = "gs://b/c" if key == "data.cache" else "{translator: pairs, file: a, cache: gs://b/c}"
    with pytest.raises(InputError, match=r"cache.* has to be a local folder"):
        config.parse(config.override({}, [f"{key}={value}"]))


def test_a_set_key_is_checked_like_one_of_the_file(tmp_path):
    """A typing error in --set gets the same answer."""
    path = write(tmp_path, "seed: 1\n")
    assert "training.epoch is not a known key; did you mean training.epochs?" in load_refusal(
        path, "training.epoch=3"
    )
