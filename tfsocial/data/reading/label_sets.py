"""Which labels a task has, and which of them are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tfsocial import config, errors
from tfsocial.data.examples import Examples, has_label
from tfsocial.data.reading.split_table import SplitTable
from tfsocial.errors import InputError


def label_names(
    name: str, task: config.Task, train: Sequence[SplitTable], place: str
) -> tuple[str, ...]:
    """List a task's labels: () for regress, else the config's or those of train, sorted."""
    if train and all(table.cells[name].lacking for table in train):
        raise InputError(
            f"{place}: no row has a label for task {name}; "
            f"tasks.{name}.column is {task.column!r}, fill it in some rows or drop the task"
        )
    if task.kind == "regress":
        return ()
    if task.labels is None and not train:
        raise InputError(
            f"tasks.{name}.labels is not given and data.splits.train is empty; "
            "give the labels or a train split to learn them from"
        )
    names = task.labels or tuple(sorted(set().union(*(table.labels(name) for table in train))))
    if task.ood_score and task.ood_label:  # behind the classes that are learned
        return (*(label for label in names if label != task.ood_label), task.ood_label)
    _check_ood_label(name, task, names)
    return names


def without_unlearned(
    train: Examples, tasks: Mapping[str, config.Task], names: Mapping[str, tuple[str, ...]]
) -> Examples:
    """Train without labels that are not learned; an example that had no other is left out."""
    scored = [name for name, task in tasks.items() if task.ood_score]
    if not scored:
        return train
    labels = dict(train.labels)
    for name in scored:
        outside = labels[name] == len(names[name]) - 1
        labels[name] = np.where(outside, np.int32(-1), labels[name])
    lost = _labelled(train.labels) & ~_labelled(labels)
    learned = replace(train, labels=labels)
    return learned.taken(np.flatnonzero(~lost)) if lost.any() else learned


def check_something_is_learned(
    train: Examples | None, tasks: Mapping[str, config.Task], place: str
) -> None:
    """Refuse a train whose labels of a task all mean out of scope where no class learns that."""
    if train is None:
        return
    for name, task in tasks.items():
        if task.ood_score and not has_label(train.labels[name]).any():
            raise InputError(
                f"{place}: every label of task {name} is {task.ood_label!r}, which "
                f"tasks.{name}.ood_detector={task.ood_score} does not learn; add rows with "
                f"other labels, or set tasks.{name}.ood_detector to class"
            )


def _labelled(labels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Tell which examples have a label for some task, bool [n]."""
    return np.any([has_label(values) for values in labels.values()], 0)


def _check_ood_label(name: str, task: config.Task, names: Sequence[str]) -> None:
    if task.ood_label is not None and task.ood_label not in names:
        raise InputError(
            f"tasks.{name}.ood_label is {task.ood_label!r}, which is no label of the task; "
            f"{errors.nearest(task.ood_label, names)}"
        )
