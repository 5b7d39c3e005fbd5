"""Tasks: a head on the shared encoder each, and the column that labels it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from tfsocial.config.annotation_tree import TagBy
from tfsocial.config.base import Fraction, Name, Section
from tfsocial.config.weights import Weight
from tfsocial.kinds import OODScore, TaskKind


class TaskLoss(BaseModel):
    """The task's own loss by name; empty takes the usual one of the task's kind."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    name: str = ""

    @property
    def knobs(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Task(Section):
    """One head on the shared encoder and the column that labels it."""

    kind: TaskKind = Field("classify", description="one label a text, several labels, or a number")
    column: str = Field("label", description="column that the labels are read from")
    labels: tuple[str, ...] | None = Field(
        None,
        description="the label set; left out, it is learned from the train split",
    )
    separator: str = Field("|", min_length=1, description="between the labels of a multilabel cell")
    weight: Weight = Field(
        1.0, description="of its loss in L: a number or a schedule; 0 leaves it out"
    )
    ood_label: str | None = Field(
        None, description="the label that means 'none of the others'; reported on its own"
    )
    ood_detector: Literal["class"] | OODScore = Field(
        "class",
        description="class: it is learned like the others; else by a score of the others, with a "
        "threshold chosen on dev, and train needs no example of it",
    )
    min_in_scope_recall: Fraction | None = Field(
        None,
        description="share of dev's examples in scope that a threshold must let pass; left out, it "
        "has the best mean of in-scope accuracy and out-of-scope recall (0.95 where dev has none)",
    )
    calibrate: bool = Field(
        True,
        description="whether its logits are scaled, once trained, so that probabilities on dev "
        "mean what they say: by a temperature, of a multilabel task by Platt's scaling a label",
    )
    list: Name | None = Field(
        None,
        description="an attribute of the data (data.attributes) that says to which list an example "
        "belongs; ranking losses compare within it, not within the batch",
    )
    loss: Annotated[TaskLoss, TagBy("name", "")] = TaskLoss()

    @property
    def ood_score(self) -> OODScore | None:
        return None if self.ood_detector == "class" else self.ood_detector

    @pydantic.field_validator("ood_label")
    @classmethod
    def _one_of_the_classes(cls, label: str | None, info: pydantic.ValidationInfo) -> str | None:
        if label is not None and info.data.get("kind") != "classify":
            raise ValueError("is for tasks of kind classify")
        return label

    @pydantic.field_validator("ood_detector")
    @classmethod
    def _of_a_classification(cls, by: str, info: pydantic.ValidationInfo) -> str:
        if by != "class" and info.data.get("kind") != "classify":
            raise ValueError("is for tasks of kind classify")
        if by != "class" and not info.data.get("ood_label"):
            raise ValueError("needs the label that means out of scope: set ood_label beside it")
        return by

    @pydantic.field_validator("min_in_scope_recall")
    @classmethod
    def _of_a_threshold(cls, recall: float | None, info: pydantic.ValidationInfo) -> float | None:
        if recall is not None and info.data.get("ood_detector", "class") == "class":
            raise ValueError("is for a threshold: set ood_detector to a score beside it")
        return recall

    @pydantic.field_validator("list")
    @classmethod
    def _of_a_ranking(cls, attribute: str | None, info: pydantic.ValidationInfo) -> str | None:
        if attribute is not None and info.data.get("kind") != "regress":
            raise ValueError("is for tasks of kind regress, whose losses can rank")
        return attribute

    @pydantic.model_validator(mode="after")
    def _labels_can_be_joined(self) -> Task:
        if self.kind == "multilabel" and self.labels and (said := unjoinable(self, self.labels)):
            raise ValueError(said)
        return self

    @pydantic.field_validator("labels")
    @classmethod
    def _distinct(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels == ():
            raise ValueError("is empty; leave it out to learn the labels from the train split")
        if labels is not None and len(set(labels)) != len(labels):
            twice = sorted({label for label in labels if labels.count(label) > 1})
            raise ValueError(f"names {', '.join(twice)} twice")
        return labels


def unjoinable(task: Task, labels: Sequence[str]) -> str:
    """Say why labels of a multilabel task cannot stand in one cell, and the remedy; "" if they can.

    >>> unjoinable(Task(kind="multilabel"), ["new", "a|b"])
    "has the label 'a|b', which contains the separator '|'; set its separator to another, as ';'"
    """
    clash = next((label for label in labels if task.separator in label), None)
    if clash is None:
        return ""
    others = (one for one in ";,/#~^" if not any(one in label for label in labels))
    return (
        f"has the label {clash!r}, which contains the separator {task.separator!r}; set its "
        f"separator to another, as {next(others, '||')!r}"
    )
