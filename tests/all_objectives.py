"""All objectives of the table, each with knobs that let it act."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

from tfsocial.config import Task
from tfsocial.objectives import table

MENUS = {"tasks": table.TASK, "community": table.COMMUNITY, "papers": table.PAPERS}


NAMED = [(menu, name) for menu, entries in MENUS.items() for name in entries]


OF_NO_TASK = ("classify",)  # the kind of the batch for objectives that name no task


def is_about_a_task(objective: type) -> bool:
    return any(field.name == "task" for field in dataclasses.fields(objective))


def kinds_of(objective: type) -> tuple[str, ...]:
    return objective.kinds if is_about_a_task(objective) else OF_NO_TASK


class Case(NamedTuple):
    """One objective on one kind of task with some knobs turned."""

    menu: str
    name: str
    kind: str
    knobs: dict[str, Any]

    def __str__(self) -> str:
        return "-".join([self.name, self.kind, *self.knobs])

    def objective(self, task_of_kind):
        tasks = {task_of_kind[self.kind]: Task(kind=self.kind)}
        return table.build(MENUS[self.menu], self.name, self.knobs, tasks, self.name)


# Some speak of a part of the texts by choice; here they speak of all.
OUTSPOKEN = {
    "fix_match": {"confidence": 0.0},
    "uda": {"confidence": 0.0},
    "masked_lm": {"share": 0.95},
}


def switches(name: str, objective: type) -> list[dict[str, Any]]:
    """No knob turned, and each on/off knob turned."""
    flags = [field for field in dataclasses.fields(objective) if isinstance(field.default, bool)]
    base = OUTSPOKEN.get(name, {})
    return [base, *({**base, flag.name: not flag.default} for flag in flags)]


CASES = [
    Case(menu, name, kind, knobs)
    for menu, name in NAMED
    for kind in kinds_of(MENUS[menu][name])
    for knobs in switches(name, MENUS[menu][name])
]


# Tracing, a second replica, many passes take seconds: there one kind of task stands for all.
FIRST_KINDS = [case for case in CASES if case.kind == kinds_of(MENUS[case.menu][case.name])[0]]
