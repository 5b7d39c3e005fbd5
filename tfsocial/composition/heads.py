"""The heads of several runs on one encoder: which are taken, averaged or fitted anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.composition.methods.contract import weighted_mean
from tfsocial.composition.parents import Parent
from tfsocial.errors import InputError
from tfsocial.models.spec import NEVER, HeadSpec

How = Literal["own", "average", "refit"]
HOW = ("own", "average", "refit")


@dataclass(frozen=True)
class TaskHead:
    """Where the head of a task comes from.

    Attributes:
        parents: those that have the task, the first of them its home: its labels' order, and the
            data that it is fitted to.
        how: own, that of the only one that has it; average, of all; refit, fitted anew.
    """

    task: str
    parents: tuple[Parent, ...]
    how: How

    @property
    def home(self) -> Parent:
        return self.parents[0]

    @property
    def spec(self) -> HeadSpec:
        return self.home.manifest.tasks[self.task]

    def tensors(self) -> dict[str, np.ndarray]:
        """Read its tensors; fitted anew, it begins as that of its home.

        What was fitted to one encoder's scores, from where on a text is out of scope, is left out:
        none is.
        """
        averaged = self.parents if self.how == "average" else self.parents[:1]
        weights = [parent.weight for parent in averaged]
        each = [self._of(parent) for parent in averaged]
        result = {name: weighted_mean([one[name] for one in each], weights) for name in each[0]}
        fitted = {
            name: np.zeros_like(array)
            for name, array in self.home.heads.items()
            if name.startswith(f"{self.task}.") and name not in result
        }
        for name in fitted:
            fill = {"threshold": NEVER, "slope": 1.0}.get(name.rpartition(".")[2], 0.0)
            fitted[name][...] = fill
        return result | fitted

    def _of(self, parent: Parent) -> dict[str, np.ndarray]:
        """Read kernel and bias of a parent's head, in the order of its home's labels."""
        names = (f"{self.task}.weight", f"{self.task}.bias")
        rows = parent.manifest.tasks[self.task].places(self.spec.learned_labels)
        return {name: parent.heads[name][rows] for name in names}


def plan(parents: Sequence[Parent], how: How | None) -> tuple[TaskHead, ...]:
    """Say of every task where its head comes from; tasks in the order of the runs.

    A run whose weight is below 0 takes its task away and brings none. Left out, `how` is own where
    one run alone counts and its heads were not fitted alone at the end, else refit.

    Raises:
        InputError: two runs have a task of one name and other labels or kind, or of one name and
            each is to keep its own.
    """
    counted = [parent for parent in parents if parent.weight > 0]
    having: dict[str, list[Parent]] = {}
    for parent in counted:
        for task in parent.manifest.tasks:
            having.setdefault(task, []).append(parent)
    alone = len(counted) == 1 and not counted[0].heads_refitted
    heads = [
        TaskHead(task, tuple(those), how or ("own" if alone else "refit"))
        for task, those in having.items()
    ]
    return tuple(map(_checked, heads))


def _checked(head: TaskHead) -> TaskHead:
    for parent in head.parents[1:]:
        _check_alike(head, parent)
    if head.how == "own" and len(head.parents) > 1:
        names = " and ".join(str(parent.folder) for parent in head.parents[:2])
        raise InputError(
            f"--heads=own: {names} both have a task {head.task}; say --heads=average or "
            f"--heads=refit, or {_rename(head.parents[1], head.task)}"
        )
    refitted = any(parent.heads_refitted for parent in head.parents)
    return replace(head, how="refit") if head.how == "average" and refitted else head


def _check_alike(head: TaskHead, parent: Parent) -> None:
    ours, its = head.spec, parent.manifest.tasks[head.task]
    where = f"--add={parent.folder}: task {head.task}"
    if (ours.kind, ours.scope) != (its.kind, its.scope):
        raise InputError(
            f"{where} is {_described(its)}, and {_described(ours)} in {head.home.folder}; "
            f"{_rename(parent, head.task)}"
        )
    strange = sorted(set(ours.labels) ^ set(its.labels))
    if strange:
        has, lacks = (parent, head.home) if strange[0] in its.labels else (head.home, parent)
        raise InputError(
            f"{where}: {has.folder} has the label {strange[0]!r}, and {lacks.folder} has not; if "
            f"it is another task, {_rename(parent, head.task)}"
        )


def _rename(parent: Parent, task: str) -> str:
    return f"give it another name: --rename={parent.folder}:{task}:{parent.folder.name}_{task}"


def _described(spec: HeadSpec) -> str:
    return f"{spec.kind} with {spec.scope}" if spec.scope else spec.kind


def manifest(heads: Sequence[TaskHead], parents: Sequence[Parent], mlm_head: bool) -> ModelManifest:
    """Describe the composed model: all tasks, and nothing that was fitted to one run's scores."""
    ours = parents[0].manifest
    return ModelManifest(
        {head.task: head.spec for head in heads},
        ours.pooling,
        max(parent.manifest.row_length for parent in parents),
        max(parent.manifest.slots for parent in parents),
        ours.text_columns,
        head_normalize=ours.head_normalize,
        mlm_head=mlm_head,
    )


def lost(heads: Sequence[TaskHead]) -> list[str]:
    """Say what the runs had fitted to their own scores and the composed model has not.

    Of those tasks that are not fitted anew.
    """
    sentences = []
    for head in heads:
        its = head.home.manifest
        had = {
            "temperature": head.task in its.calibration,
            "decision thresholds": head.task in its.thresholds,
            "the threshold of its label sets": head.task in its.label_set_thresholds,
            "what tells texts out of scope": head.spec.scope is not None,
        }
        if any(had.values()):
            names = ", ".join(name for name, there in had.items() if there)
            sentences.append(
                f"{head.task}: {names} of {head.home.folder.name} fit that run's answers alone and "
                "were left out"
            )
    return sentences


def data_of(heads: Sequence[TaskHead]) -> Mapping[Parent, list[TaskHead]]:
    """Group the heads by the run whose data they are fitted to."""
    by_home: dict[Parent, list[TaskHead]] = {}
    for head in heads:
        by_home.setdefault(head.home, []).append(head)
    return by_home
