"""The menu as a page: every objective and every method beside it, its source, what it costs."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping

from tfsocial.objectives import table
from tfsocial.objectives.contract import Objective
from tfsocial.provenance.citations import citation

PARTS = {"L": table.TASK, "L0": table.COMMUNITY, "L_paper": table.PAPERS}
INTRODUCTION = """# Objectives

Written by `python -m tfsocial objectives`; formulas and sources are those of the code.

The cost is the time of a training step with `L` and the term over one with `L` alone (losses of
`L` themselves: over the usual one of that kind of task), as `python -m benchmarks.cost` measured it
on two CPU cores.
"""
METHODS = """
How the terms are weighed and the step is taken; the cost is over a step without the setting, of an
optimizer over AdamW's, of a weighing over fixed weights of the same two terms.

| setting | source | cost |
|---|---|---|"""
OPS = """
What texts of train go through anew in each epoch (`data.augment`, and `data.second_view` for the
second view of a text), in the order in which they are written.

| op | knobs |
|---|---|"""


def page(
    costs: Mapping[str, float],
    methods: Mapping[str, object],
    ops: Mapping[str, type] | None = None,
) -> str:
    """Write Markdown: tables of all objectives, methods and ops, then a section for each.

    Args:
        costs: name -> ratio of step time; left out where it was not measured.
        methods: setting -> the class or function that does what it says.
        ops: name -> the op of `data.augment` and `data.second_view`.
    """
    parts = [objectives_part(costs), methods_part(methods, costs), ops_part(ops or {})]
    tables = [header for header, _ in parts if header]
    sections = [section for _, written in parts for section in written]
    return "\n".join([INTRODUCTION, *tables, "", *sections])


Part = tuple[str, list[str]]  # a table, and a section for each of its lines


def objectives_part(costs: Mapping[str, float]) -> Part:
    """Write the objectives of the formula."""
    header = ["| part | name | for tasks | knobs | cost |", "|---|---|---|---|---|"]
    rows = [
        f"| {part} | [`{name}`](#{name}) | {_kinds(kind)} | {knobs(kind)} | {_cost(name, costs)} |"
        for part, name, kind in _entries()
    ]
    return "\n".join([*header, *rows]), [section(name, kind) for _, name, kind in _entries()]


def methods_part(methods: Mapping[str, object], costs: Mapping[str, float]) -> Part:
    """Write what else moves a step: weighing, optimizers, averages."""
    rows = [
        f"| [`{setting}`](#{_anchor(setting)}) | {citation(does)} | {_cost(setting, costs)} |"
        for setting, does in methods.items()
    ]
    sections = [_method(setting, does) for setting, does in methods.items()]
    return "\n".join([METHODS, *rows]), sections


def ops_part(ops: Mapping[str, type]) -> Part:
    """Write the ops of augmentation; nothing where there are none."""
    headings = {op: f"data.augment=[{op}]" for op in ops}
    rows = [
        f"| [`{op}`](#{_anchor(heading)}) | {knobs(ops[op])} |" for op, heading in headings.items()
    ]
    sections = [_method(heading, ops[op]) for op, heading in headings.items()]
    return ("\n".join([OPS, *rows]) if ops else ""), sections


def _doc(kind: object) -> str:
    return inspect.getdoc(kind) or ""


def _entries() -> Iterator[tuple[str, str, type]]:
    for part, menu in PARTS.items():
        for name, kind in menu.items():
            yield part, name, kind


def section(name: str, kind: type) -> str:
    """Write a section with what a docstring says: its first line is the formula."""
    formula, _, rest = _doc(kind).partition("\n\n")
    return f"## {name}\n\n    {formula}\n\n{rest}\n"


def _method(setting: str, does: object) -> str:
    """Give the docstring as it stands, without what is said to callers."""
    said = re.split(r"\n\n(?:Args|Attributes|Returns|Raises):", _doc(does))[0]
    return f"## {setting}\n\n{textwrap.indent(said, '    ')}\n"


def _anchor(heading: str) -> str:
    """Name the anchor that GitHub gives a heading.

    >>> _anchor("optimizer.name=lion")
    'optimizernamelion'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _kinds(kind: type[Objective]) -> str:
    about_a_task = any(field.name == "task" for field in dataclasses.fields(kind))
    return ", ".join(kind.kinds) if about_a_task else "any"


def knobs(kind: type) -> str:
    """List each knob and its default, as YAML has it."""
    fields = [field for field in dataclasses.fields(kind) if field.name != "task"]
    return ", ".join(f"`{field.name}: {json.dumps(field.default)}`" for field in fields)


def _cost(name: str, costs: Mapping[str, float]) -> str:
    return f"{costs[name]:.2f}" if name in costs else ""
