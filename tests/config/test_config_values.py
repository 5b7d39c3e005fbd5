"""Keys and values of a config: what is wrong with them is said in a sentence."""

from __future__ import annotations

import re

import pytest
from configs_by_hand import refusal

from tfsocial import config
from tfsocial.config import Config, Schedule
from tfsocial.config.loading import assign

NAN, INFINITY = float("nan"), float("inf")


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
