"""The table of objectives: entries, names, kinds, needs, and the formula made from them."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from typing import Any

import annotated_types
import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from all_objectives import MENUS, NAMED, OUTSPOKEN, Case, is_about_a_task, kinds_of

from tfsocial import config, kinds
from tfsocial.config import Task
from tfsocial.errors import InputError
from tfsocial.objectives import table
from tfsocial.training.run_constants import UndeclaredNeedError

OPTIONAL = {"m0_vectors"}  # without it M0 reads each batch


# (h) what it says of itself


@pytest.mark.parametrize(("menu", "name"), NAMED)
class TestEntry:
    """Each entry of the tables, on paper."""

    def test_docstring_has_formula_and_source(self, menu, name):
        """The docstring begins with a formula and cites an arXiv number or a textbook's section."""
        text = MENUS[menu][name].__doc__
        assert re.search(
            r"(\bsum\b|\bmean\b|\blog\b|\bcos\b|KL|\^2|exp\(|\bL\()", text.split("\n\n")[0], re.I
        )
        assert re.search(
            r"arXiv:\d{4}\.\d{4,5}|\(\d{4}\), .+ (section|equation|chapter) \d", text, re.S
        )

    def test_is_a_frozen_dataclass(self, menu, name):
        """Knobs cannot move during a run."""
        kind = MENUS[menu][name]
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen

    def test_kinds_are_declared_if_it_is_about_a_task(self, menu, name):
        """An objective names a task exactly if its class says which kinds fit."""
        kind = MENUS[menu][name]
        assert is_about_a_task(kind) == ("kinds" in vars(kind))
        assert set(kind.kinds) <= set(typing.get_args(kinds.TaskKind))

    def test_unknown_knob_is_answered_with_the_nearest(self, menu, name):
        """A misspelled knob is refused by its key path; every field and `weight` is offered."""
        fields = [field.name for field in dataclasses.fields(MENUS[menu][name])]
        for known in ["weight", *fields]:
            with pytest.raises(InputError, match=f"at.{known}x is not a knob.*mean {known}"):
                build(menu, name, {f"{known}x": 1})

    def test_knob_out_of_range_is_refused_by_its_path(self, menu, name):
        """Numbers beyond a bound, and what is no number, name key path and value."""
        for knob, value in wrong_values(MENUS[menu][name]):
            with pytest.raises(InputError, match=f"^at.{knob} is {re.escape(repr(value))}; "):
                build(menu, name, {knob: value})

    def test_task_of_another_kind_is_refused(self, menu, name):
        """An objective about a task takes only the kinds its class declares."""
        others = [kind for kind in table.USUAL_LOSS if kind not in MENUS[menu][name].kinds]
        for kind in others:
            with pytest.raises(InputError, match=f"at: .*{name} is for kinds "):
                table.build(MENUS[menu], name, {}, {"one": Task(kind=kind)}, "at")
            with pytest.raises(InputError, match=f"at: task one is of kind {kind}; "):
                table.build(MENUS[menu], name, {"task": "one"}, {"one": Task(kind=kind)}, "at")

    def test_unknown_task_is_refused(self, menu, name):
        """A term about a task that is not there says so."""
        if is_about_a_task(MENUS[menu][name]):
            with pytest.raises(InputError, match="at: there is no task elsewhere; "):
                build(menu, name, {"task": "elsewhere"})


def build(menu: str, name: str, knobs):
    kind = kinds_of(MENUS[menu][name])[0]
    return table.build(MENUS[menu], name, knobs, {"one": Task(kind=kind)}, "at")


def wrong_values(objective: type) -> list[tuple[str, Any]]:
    """(knob, value) just beyond each bound, and of another type."""
    wrong = []
    hints = typing.get_type_hints(objective, include_extras=True)
    for knob in (field.name for field in dataclasses.fields(objective)):
        hint = hints[knob]
        plain, *annotations = typing.get_args(hint) or (hint,)
        if plain in (int, float, bool):
            wrong.append((knob, "many"))
        if plain is float:
            wrong += [(knob, math.inf), (knob, math.nan)]
        for note in annotations:
            wrong += [(knob, value) for value in beyond(note)]
    return wrong


def beyond(note) -> list[float]:
    """Values that a pydantic field with this annotation must refuse."""
    wrong = []
    for bound in getattr(note, "metadata", [note]):
        match bound:
            case annotated_types.Ge(ge=limit):
                wrong.append(limit - 1)
            case annotated_types.Le(le=limit):
                wrong.append(limit + 1)
            case annotated_types.Gt(gt=limit) | annotated_types.Lt(lt=limit):
                wrong.append(limit)
    return wrong


def test_wrong_values_are_found():
    """The search above finds the bounds it is meant to find."""
    assert ("temperature", 0.0) in wrong_values(table.PAPERS["supervised_contrastive"])
    assert ("label_smoothing", 1.0) in wrong_values(table.TASK["cross_entropy"])
    assert ("label_smoothing", -1.0) in wrong_values(table.TASK["cross_entropy"])


# the table


def test_names_are_the_methods_own():
    """One name means one objective in all menus together."""
    assert len({name for _, name in NAMED}) == len(NAMED)


def test_every_kind_of_task_has_a_usual_loss_that_fits():
    """A task without `loss` is never refused."""
    assert set(table.USUAL_LOSS) == set(typing.get_args(kinds.TaskKind))
    for kind, name in table.USUAL_LOSS.items():
        assert kind in table.TASK[name].kinds


def test_an_objective_reads_what_it_declares(of_first_kind, bench, batch):
    """Of all that a run may have made it gets what its class says, and needs no more."""
    constants = bench.constants
    declared = {need: constants[need] for need in of_first_kind.needs}
    restricted = dataclasses.replace(
        bench.step(batch), constants=dataclasses.replace(constants, provided=declared)
    )
    expected = of_first_kind(bench.step(batch)).loss
    np.testing.assert_array_equal(of_first_kind(restricted).loss, expected)


@pytest.mark.parametrize(
    ("menu", "name"), [entry for entry in NAMED if set(MENUS[entry[0]][entry[1]].needs) - OPTIONAL]
)
def test_an_undeclared_need_is_named(menu, name, bench, batch, task_of_kind):
    """An objective that lacks one of its needs reads something, and the error says what."""
    kind = MENUS[menu][name]
    objective = Case(menu, name, kinds_of(kind)[0], OUTSPOKEN.get(name, {})).objective(task_of_kind)
    step = bench.step(batch)
    bare = dataclasses.replace(step, constants=dataclasses.replace(step.constants, provided={}))
    with pytest.raises(UndeclaredNeedError, match=r"was not made for this run: .*`needs`") as found:
        objective(bare)
    assert re.search("^'(.*?)'", str(found.value))[1] in kind.needs


def test_formula_has_all_terms_in_order():
    """L, then L0, then L_paper, each under its name and with its weight and knobs."""
    tree = {
        "tasks": {"mood": {"weight": 2, "loss": {"label_smoothing": 0.1}}},
        "objectives": {
            "papers": {"r_drop": {"weight": 4}, "supervised_contrastive": {"temperature": 0.1}},
            "community": {"l2_sp": {"weight": {"end": 0.5}}},
        },
    }
    chosen = config.parse(tree)
    terms = table.formula(chosen.tasks, chosen.objectives)
    assert [term.name for term in terms] == [
        "L/mood",
        "L0/l2_sp",
        "L_paper/r_drop",
        "L_paper/supervised_contrastive",
    ]
    assert [term.weight for term in terms] == [2.0, config.Schedule(end=0.5), 4.0, 1.0]
    assert terms[0].objective == table.TASK["cross_entropy"]("mood", label_smoothing=0.1)
    assert terms[3].objective.temperature == 0.1


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (
            {"objectives": {"papers": {"r_dorp": {}}}},
            "objectives.papers.r_dorp is not a known objective; did you mean r_drop",
        ),
        (
            {"objectives": {"community": {"r_drop": {}}}},
            "objectives.community.r_drop is not a known objective; allowed: ewc",
        ),
        (
            {"objectives": {"papers": {"supervised_contrastive": {"temperature": 0}}}},
            "objectives.papers.supervised_contrastive.temperature is 0; ",
        ),
        (
            {"tasks": {"mood": {"loss": {"name": "cross_entropi"}}}},
            "tasks.mood.loss is not a known objective; did you mean cross_entropy",
        ),
        (
            {"tasks": {"mood": {"loss": {"label_smoothin": 0.1}}}},
            "tasks.mood.loss.label_smoothin is not a knob.*did you mean label_smoothing",
        ),
        (
            {"tasks": {"mood": {"kind": "regress", "loss": {"name": "cross_entropy"}}}},
            "tasks.mood.loss: task mood is of kind regress; cross_entropy is for kinds classify",
        ),
    ],
)
def test_formula_refuses_by_key_path(tree, sentence):
    """What is wrong in a config is named by its key path, before step one."""
    chosen = config.parse(tree)
    with pytest.raises(InputError, match=sentence):
        table.formula(chosen.tasks, chosen.objectives)


def test_keeps_no_state(bench, batch, objective):
    """Called twice on one batch it gives one answer: it keeps no state."""
    assert not isinstance(objective, keras.layers.Layer | tf.Module)
    first, second = bench.terms(objective, batch), bench.terms(objective, batch)
    np.testing.assert_array_equal(first.loss, second.loss)


def test_a_loss_cannot_be_about_another_task():
    """It would be ignored silently: the loss of a task is about that task."""
    tasks = {"topic": Task(loss={"task": "other"})}
    with pytest.raises(InputError, match=r"tasks\.topic\.loss\.task: .* leave it out"):
        table.formula(tasks, config.Objectives())


def test_a_task_that_is_no_name_is_refused():
    """A list of tasks is a mistake, not a crash."""
    papers = {"r_drop": config.Objective(task=["topic"])}
    objectives = config.Objectives(papers=papers)
    with pytest.raises(InputError, match=r"objectives\.papers\.r_drop: there is no task"):
        table.formula({"topic": Task()}, objectives)
