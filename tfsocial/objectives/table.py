"""The menu: every objective by name. A literal; adding one is one line here and one file.

An objective's class says which kinds of task it can be about and what a run has to make for it.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from tfsocial.config import (
    Alpha,
    DriftConstraint,
    Objectives,
    Task,
    check_names,
    with_knobs,
)
from tfsocial.errors import InputError, nearest
from tfsocial.kinds import TaskKind
from tfsocial.objectives import community
from tfsocial.objectives.contract import Objective
from tfsocial.objectives.papers import (
    cutoff,
    distillation,
    fast_fit,
    fast_gradient,
    fix_match,
    free_lb,
    label_prototypes,
    mean_teacher,
    mixup,
    multi_sample_dropout,
    noisy_embeddings,
    projected_gradient,
    r_drop,
    simcse,
    smart,
    supervised_contrastive,
    uda,
    virtual_adversarial,
)
from tfsocial.objectives.task import classify, multilabel, rank, regress

TASK: Mapping[str, type[Objective]] = {
    "cross_entropy": classify.CrossEntropy,
    "annealed_cross_entropy": classify.AnnealedCrossEntropy,
    "class_balanced": classify.ClassBalanced,
    "focal": classify.Focal,
    "poly": classify.Poly,
    "generalized_cross_entropy": classify.GeneralizedCrossEntropy,
    "symmetric_cross_entropy": classify.SymmetricCrossEntropy,
    "binary_cross_entropy": multilabel.BinaryCrossEntropy,
    "asymmetric": multilabel.Asymmetric,
    "multinomial": multilabel.Multinomial,
    "mean_squared_error": regress.MeanSquaredError,
    "huber": regress.Huber,
    "pairwise": rank.Pairwise,
    "listwise": rank.Listwise,
}
COMMUNITY: Mapping[str, type[Objective]] = {
    "ewc": community.EWC,
    "feature_cosine": community.FeatureCosine,
    "hidden_mse": community.HiddenMSE,
    "l2_sp": community.L2SP,
    "label_propagation": community.LabelPropagation,
    "m0_task": community.M0Task,
    "masked_lm": community.MaskedLM,
    "rec_adam": community.RecAdam,
    "soft_labels": community.SoftLabels,
}
PAPERS: Mapping[str, type[Objective]] = {
    "cutoff": cutoff.Cutoff,
    "distillation": distillation.Distillation,
    "fast_fit": fast_fit.FastFit,
    "fgm": fast_gradient.FGM,
    "fix_match": fix_match.FixMatch,
    "free_lb": free_lb.FreeLB,
    "label_prototypes": label_prototypes.LabelPrototypes,
    "mean_teacher": mean_teacher.MeanTeacher,
    "mixup": mixup.Mixup,
    "multi_sample_dropout": multi_sample_dropout.MultiSampleDropout,
    "neftune": noisy_embeddings.NEFTune,
    "pgd": projected_gradient.PGD,
    "r_drop": r_drop.RDrop,
    "simcse": simcse.SimCSE,
    "smart": smart.SMART,
    "supervised_contrastive": supervised_contrastive.SupervisedContrastive,
    "teacher_cosine": distillation.TeacherCosine,
    "teacher_hidden": distillation.TeacherHidden,
    "uda": uda.UDA,
    "vat": virtual_adversarial.VAT,
}

USUAL_LOSS: Mapping[TaskKind, str] = {
    "classify": "cross_entropy",
    "multilabel": "binary_cross_entropy",
    "regress": "mean_squared_error",
}


class Term(typing.NamedTuple):
    """One summand: its name on every curve, its objective, its weight over the run."""

    name: str
    objective: Objective
    weight: Alpha

    @property
    def where(self) -> str:
        """Its key path in the config: `L0/NAME` is objectives.community.NAME."""
        part, _, name = self.name.partition("/")
        return f"{PLACES[part]}.{name}"


PLACES = {"L": "tasks", "L0": "objectives.community", "L_paper": "objectives.papers"}


def formula(tasks: Mapping[str, Task], objectives: Objectives) -> list[Term]:
    """List all terms of a config, in the order L, L0, L_paper.

    What each needs of other sections is checked by `training.providers`.

    Raises:
        InputError: an unknown name or knob, a knob out of range, a task that does not fit.
    """
    terms = [_task_term(name, task, tasks) for name, task in tasks.items()]
    for part, menu, entries in (
        ("L0", COMMUNITY, objectives.community),
        ("L_paper", PAPERS, objectives.papers),
    ):
        for name, entry in entries.items():
            objective = build(menu, name, entry.knobs, tasks, f"{PLACES[part]}.{name}")
            terms.append(Term(f"{part}/{name}", objective, entry.weight))
    _check_learns(tasks, terms)
    return terms


def _check_learns(tasks: Mapping[str, Task], terms: Sequence[Term]) -> None:
    """Refuse a config without a task where no term asks for more than to stay near M0."""
    if tasks or any(term.objective.learns_from_text for term in terms):
        return
    able = [
        f"{PLACES[part]}.{name}"
        for part, menu in (("L0", COMMUNITY), ("L_paper", PAPERS))
        for name, objective in menu.items()
        if objective.learns_from_text
    ]
    raise InputError(
        "tasks is empty, and no term of objectives learns from text alone: name a task, or "
        f"pretrain with {' or '.join(able)}"
    )


def losses(terms: Sequence[Term]) -> dict[str, Objective]:
    """Map each task to its loss in L."""
    return {
        term.name.removeprefix("L/"): term.objective for term in terms if term.name.startswith("L/")
    }


def drift_constraints(terms: Sequence[Term]) -> dict[str, DriftConstraint]:
    """Map each term whose weight training moves to what it is moved by."""
    return {term.name: term.weight for term in terms if isinstance(term.weight, DriftConstraint)}


def needs(terms: Sequence[Term], what: str) -> bool:
    """Say whether an objective declares that it needs this, a name of `training.providers`."""
    return any(what in term.objective.needs for term in terms)


def checkpoints(terms: Sequence[Term]) -> dict[str, str]:
    """Map each of the config's `checkpoints` that a term reads to the key that names it."""
    key_of: dict[str, str] = {}
    for term in terms:
        for field in term.objective.checkpoint_fields:
            named = getattr(term.objective, field)
            for name in [named] if isinstance(named, str) else named or ():
                if name:
                    key_of.setdefault(name, f"{term.where}.{field}")
    return key_of


def build(
    menu: Mapping[str, type[Objective]],
    name: str,
    knobs: Mapping[str, Any],
    tasks: Mapping[str, Task],
    where: str,
) -> Objective:
    """Build an objective of the menu with its knobs checked.

    Args:
        where: its key path in the config.

    Raises:
        InputError: an unknown name or knob, a knob out of range, a task that does not fit.
    """
    if name not in menu:
        raise InputError(f"{where} is not a known objective; {nearest(name, list(menu))}")
    kind = menu[name]
    check_names(name, kind, knobs, where, also=["weight"])
    if "task" in {field.name for field in dataclasses.fields(kind)}:
        knobs = {"task": _task_of(name, kind.kinds, knobs, tasks, where), **knobs}
    return with_knobs(kind, knobs, where)


def _task_term(name: str, task: Task, tasks: Mapping[str, Task]) -> Term:
    loss = task.loss.name or USUAL_LOSS[task.kind]
    where = f"tasks.{name}.loss"
    if "task" in task.loss.knobs:
        raise InputError(f"{where}.task: a loss is about the task it stands under; leave it out")
    return Term(
        f"L/{name}", build(TASK, loss, {**task.loss.knobs, "task": name}, tasks, where), task.weight
    )


def _task_of(
    name: str,
    kinds: Sequence[TaskKind],
    knobs: Mapping[str, Any],
    tasks: Mapping[str, Task],
    where: str,
) -> str:
    """Find the task a term is about: the one it names, else the first it fits."""
    fitting = [task for task, spec in tasks.items() if spec.kind in kinds]
    task = knobs.get("task", fitting[0] if fitting else None)
    if task in fitting:
        return task
    if isinstance(task, str) and task in tasks:
        fault = f"task {task} is of kind {tasks[task].kind}"
    else:
        fault = f"there is no task {task}" if task else "no task fits"
    raise InputError(f"{where}: {fault}; {name} is for kinds {', '.join(kinds)}")
