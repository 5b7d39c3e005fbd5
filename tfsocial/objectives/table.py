"""The menu: every objective by name. A literal; adding one is one line here and one file."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from tfsocial.config import (
    Alpha,
    Config,
    InputError,
    Task,
    TaskKind,
    check_names,
    nearest,
    with_knobs,
)
from tfsocial.objectives import community
from tfsocial.objectives.contract import Objective
from tfsocial.objectives.papers import (
    cutoff,
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

TASK = {
    "cross_entropy": classify.CrossEntropy,
    "annealed_cross_entropy": classify.AnnealedCrossEntropy,
    "class_balanced": classify.ClassBalanced,
    "focal": classify.Focal,
    "poly": classify.Poly,
    "generalized_cross_entropy": classify.GeneralizedCrossEntropy,
    "symmetric_cross_entropy": classify.SymmetricCrossEntropy,
    "binary_cross_entropy": multilabel.BinaryCrossEntropy,
    "asymmetric": multilabel.Asymmetric,
    "mean_squared_error": regress.MeanSquaredError,
    "huber": regress.Huber,
    "pairwise": rank.Pairwise,
    "listwise": rank.Listwise,
}
COMMUNITY = {
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
PAPERS = {
    "cutoff": cutoff.Cutoff,
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
    "uda": uda.UDA,
    "vat": virtual_adversarial.VAT,
}

# The kinds of task a loss or paper can be about; those that name no task fit all.
KINDS: Mapping[str, tuple[TaskKind, ...]] = {
    "cross_entropy": ("classify",),
    "annealed_cross_entropy": ("classify",),
    "class_balanced": ("classify",),
    "focal": ("classify",),
    "poly": ("classify",),
    "generalized_cross_entropy": ("classify",),
    "symmetric_cross_entropy": ("classify",),
    "binary_cross_entropy": ("multilabel",),
    "asymmetric": ("multilabel",),
    "mean_squared_error": ("regress",),
    "huber": ("regress",),
    "pairwise": ("regress",),
    "listwise": ("regress",),
    "label_propagation": ("classify",),
    "m0_task": ("classify", "multilabel", "regress"),
    "soft_labels": ("classify", "multilabel"),
    "cutoff": ("classify", "multilabel"),
    "fgm": ("classify", "multilabel", "regress"),
    "fix_match": ("classify",),
    "free_lb": ("classify", "multilabel", "regress"),
    "label_prototypes": ("classify",),
    "mean_teacher": ("classify", "multilabel", "regress"),
    "mixup": ("classify", "multilabel", "regress"),
    "multi_sample_dropout": ("classify", "multilabel", "regress"),
    "neftune": ("classify", "multilabel", "regress"),
    "pgd": ("classify", "multilabel", "regress"),
    "r_drop": ("classify", "multilabel"),
    "smart": ("classify", "multilabel", "regress"),
    "supervised_contrastive": ("classify",),
    "uda": ("classify",),
    "vat": ("classify", "multilabel", "regress"),
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


def formula(config: Config) -> list[Term]:
    """All terms of a config, in the order L, L0, L_paper.

    Raises:
        InputError: an unknown name or knob, a knob out of range, a task that does not fit.
    """
    terms = [_task_term(name, task, config.tasks) for name, task in config.tasks.items()]
    for part, menu, chosen in (
        ("L0", COMMUNITY, config.objectives.community),
        ("L_paper", PAPERS, config.objectives.papers),
    ):
        where = "objectives.community" if part == "L0" else "objectives.papers"
        for name, entry in chosen.items():
            objective = build(menu, name, entry.knobs, config.tasks, f"{where}.{name}")
            if getattr(objective, "needs_average", False) and config.training.ema is None:
                raise InputError(
                    f"{where}.{name} needs an average of the weights: "
                    "set training.ema too, 0.99 for short runs"
                )
            if getattr(objective, "needs_view", False) and not config.data.second_view:
                raise InputError(
                    f"{where}.{name} compares two views of a text: say in data.second_view how the "
                    "second differs, as [{word_drop: {rate: 0.1}}]"
                )
            terms.append(Term(f"{part}/{name}", objective, entry.weight))
    if config.data.second_view and not needs(terms, "view"):
        raise InputError(
            "data.second_view: no objective compares two views of a text; what L reads is "
            "data.augment"
        )
    _check_learns(config, terms)
    return terms


def _check_learns(config: Config, terms: Sequence[Term]) -> None:
    """Without a task some term must ask for more than to stay near M0."""
    alone = [getattr(term.objective, "learns_from_text", False) for term in terms]
    if not config.tasks and not any(alone):
        menus = {"objectives.community": COMMUNITY, "objectives.papers": PAPERS}
        able = [
            f"{where}.{name}"
            for where, menu in menus.items()
            for name, kind in menu.items()
            if getattr(kind, "learns_from_text", False)
        ]
        raise InputError(
            "tasks is empty, and no term of objectives learns from text alone: name a task, or "
            f"pretrain with {' or '.join(able)}"
        )


def losses(terms: Sequence[Term]) -> dict[str, Objective]:
    """Task -> its loss in L."""
    return {term.objective.task: term.objective for term in terms if term.name.startswith("L/")}


def needs(terms: Sequence[Term], what: str) -> bool:
    """Whether an objective asks the step for what is not made unless asked for.

    Args:
        what: "probe", logits of linear probes on M0; "average", outputs of the averaged weights;
            "names", vectors of the label names; "words", which word stands where;
            "fisher", what M0's own task depends on; "vectors", M0's pooled ones of train;
            "spread", train's labels spread between those; "view", a second view of each text.
    """
    return any(getattr(term.objective, f"needs_{what}", False) for term in terms)


def build(
    menu: Mapping[str, type],
    name: str,
    knobs: Mapping[str, Any],
    tasks: Mapping[str, Task],
    where: str,
) -> Objective:
    """An objective of the menu with its knobs checked; `where` is its key path in the config."""
    if name not in menu:
        raise InputError(f"{where} is not a known objective; {nearest(name, list(menu))}")
    kind = menu[name]
    check_names(name, kind, knobs, where, also=["weight"])
    if "task" in {field.name for field in dataclasses.fields(kind)}:
        knobs = {"task": _task_of(name, knobs, tasks, where), **knobs}
    return with_knobs(kind, knobs, where)


def _task_term(name: str, task: Task, tasks: Mapping[str, Task]) -> Term:
    loss = task.loss.name or USUAL_LOSS[task.kind]
    where = f"tasks.{name}.loss"
    if "task" in task.loss.knobs:
        raise InputError(f"{where}.task: a loss is about the task it stands under; leave it out")
    return Term(
        f"L/{name}", build(TASK, loss, {**task.loss.knobs, "task": name}, tasks, where), task.weight
    )


def _task_of(name: str, knobs: Mapping[str, Any], tasks: Mapping[str, Task], where: str) -> str:
    """The task a term is about: the one it names, else the first it fits."""
    fitting = [task for task, spec in tasks.items() if spec.kind in KINDS[name]]
    task = knobs.get("task", fitting[0] if fitting else None)
    if task in fitting:
        return task
    if isinstance(task, str) and task in tasks:
        found = f"task {task} is of kind {tasks[task].kind}"
    else:
        found = f"there is no task {task}" if task else "no task fits"
    raise InputError(f"{where}: {found}; {name} is for kinds {', '.join(KINDS[name])}")
