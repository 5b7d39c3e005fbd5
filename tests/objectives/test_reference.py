"""The page of objectives and methods is complete."""

from __future__ import annotations

import json
import typing

import pytest

from benchmarks import cost
from tfsocial import config
from tfsocial.config.annotation_tree import tagged_union
from tfsocial.config.optimizer import AnyOptimizer
from tfsocial.data.augment.table import OPS
from tfsocial.objectives import reference, table
from tfsocial.provenance.citations import citation
from tfsocial.runs.methods import METHODS

NAMES = [*table.TASK, *table.COMMUNITY, *table.PAPERS]
DONE_BY = {setting: method.does for setting, method in METHODS.items()}
MEASURED = json.loads(cost.RESULTS.read_text("utf-8"))["ratios"]


@pytest.mark.parametrize("name", NAMES)
def test_every_objective_has_a_line_and_a_section(name):
    """Name, link and formula."""
    page = reference.page({}, DONE_BY)
    assert f"[`{name}`](#{name})" in page
    assert f"\n## {name}\n\n    " in page


@pytest.mark.parametrize("setting", METHODS)
def test_every_method_can_be_set_as_it_is_shown(setting):
    """Its name is an override by which a config asks for it, and its docstring names a paper."""
    chosen = config.parse(config.override({}, ["tasks.mood.column=label", setting]))
    assert METHODS[setting].asked(chosen) == setting
    assert citation(DONE_BY[setting])
    assert f"\n## {setting}\n\n    " in reference.page({}, DONE_BY)


def test_every_weighing_and_every_optimizer_has_a_line():
    """The config's names and the page's are the same."""
    weighings = typing.get_args(config.Objectives.model_fields["weighing"].annotation)
    assert {f"objectives.weighing={name}" for name in weighings if name != "fixed"} | {
        f"optimizer.name={name}" for name in tagged_union(AnyOptimizer).variants
    } == {setting for setting in METHODS if "weighing" in setting or ".name" in setting}


def test_costs_stand_in_the_line_of_their_objective():
    """1.234 is shown as 1.23; what was not measured is blank."""
    lines = reference.page({"r_drop": 1.234}, DONE_BY).splitlines()
    assert next(line for line in lines if "`r_drop`" in line).endswith("| 1.23 |")
    assert next(line for line in lines if "`fgm`" in line).endswith("|  |")


def test_every_op_has_a_line_and_a_section():
    """With its knobs and their defaults."""
    page = reference.page({}, {}, OPS)
    for name in OPS:
        assert f"| [`{name}`](#dataaugment{name}) | `" in page
        assert f"\n## data.augment=[{name}]\n\n    " in page
    assert '`choose: "uniform"`' in page


def test_whatever_costs_a_step_was_measured():
    """benchmarks/cost.py's comparisons can be run, and each has its ratio."""
    for chosen, other in cost.comparisons().values():
        for settings in (chosen, other):
            chosen = cost.settings(settings, ".")
            assert table.formula(chosen.tasks, chosen.objectives)
    assert set(MEASURED) == set(cost.comparisons())
