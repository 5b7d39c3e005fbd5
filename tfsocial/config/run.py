"""The root of a training run's config."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pydantic
import yaml
from pydantic import Field

from tfsocial import files
from tfsocial.config import paths
from tfsocial.config.base import Name, Section
from tfsocial.config.checkpoints import Checkpoint
from tfsocial.config.data import Data, Source
from tfsocial.config.model import Model
from tfsocial.config.objectives import Objectives
from tfsocial.config.optimizer import AdamW, AnyOptimizer
from tfsocial.config.report import Report
from tfsocial.config.tasks import Task
from tfsocial.config.tracking import Tracking
from tfsocial.config.training import Training
from tfsocial.errors import nearest


class Config(Section):
    """A whole run. `seed` moves initialisation, dropout, shuffling and augmentation alike."""

    name: str = Field("unnamed", description="of the run, for its reports")
    seed: int = Field(0, ge=0, lt=2**31, description="of everything that is drawn")
    data: Data = Data()
    tasks: dict[Name, Task] = Field(
        {"label": Task()},
        description="{}: pretraining, whose formula has only terms that learn from text alone",
    )
    model: Model = Model()
    checkpoints: dict[Name, Checkpoint] = Field(
        {}, description="name -> a checkpoint beside M0, for what reads a second one"
    )
    objectives: Objectives = Objectives()
    optimizer: AnyOptimizer = AdamW()
    training: Training = Training()
    report: Report = Report()
    tracking: Tracking = Tracking()

    @pydantic.model_validator(mode="after")
    def _sources_label_tasks(self) -> Config:
        for source, entry in self.data.mixture.items():
            unknown = [name for name in entry.named_tasks if name not in self.tasks]
            if unknown:
                hint = nearest(unknown[0], list(self.tasks))
                raise ValueError(f"data.mixture.{source}: {unknown[0]} is no task; {hint}")
        for name in self.tasks:
            if not any(name in entry.labelled(self.tasks) for entry in self.data.sources.values()):
                raise ValueError(f"tasks.{name}: no source of data.mixture has labels for it")
        return self

    @pydantic.model_validator(mode="after")
    def _lists_are_attributes(self) -> Config:
        known = [name for entry in self.data.sources.values() for name in entry.attributes]
        named = {f"tasks.{name}.list": task.list for name, task in self.tasks.items()}
        for key, attribute in (named | {"data.together": self.data.together}).items():
            if attribute is not None and attribute not in known:
                place = "data.mixture.*.attributes" if self.data.mixture else "data.attributes"
                hint = nearest(attribute, known) if known else "which names none"
                raise ValueError(
                    f"{key}: {attribute} is no attribute of {place}, {hint}; say there which "
                    "column has it"
                )
        return self

    @pydantic.model_validator(mode="after")
    def _features_fit(self) -> Config:
        for name in self.data.features:
            for key, source in self.data.sources.items():
                column = source.attributes.get(name)
                if what := self._otherwise_read(source, column):
                    raise ValueError(
                        f"data.features.{name}: column {column} of {key} is {what}; name another "
                        "one, or leave the feature out"
                    )
        if self.data.features and self.model.head_init == "class_means":
            raise ValueError(
                "model.head_init: class_means measures distances between vectors, beside which "
                "data.features have no scale; take probe"
            )
        return self

    def _otherwise_read(self, source: Source, column: str | None) -> str:
        """Say what a column is beside a feature; "" if nothing."""
        if column in source.text:
            return "the text"
        labelled = source.labelled(self.tasks).items()
        return next(
            (f"the label of tasks.{name}" for name, t in labelled if t.column == column), ""
        )

    @pydantic.model_validator(mode="after")
    def _groups_stay_whole(self) -> Config:
        if self.data.together is None:
            return self
        dividing = {
            "data.augment": self.data.augment,  # lengths, and so rows, are other ones each epoch
            "data.second_view": self.data.second_view,
            "training.micro_batches": self.training.micro_batches > 1,
        }
        if key := next((key for key, present in dividing.items() if present), None):
            raise ValueError(f"data.together: {key} would divide groups; leave out one of the two")
        return self

    @pydantic.model_validator(mode="after")
    def _parts_fit(self) -> Config:
        parts, objectives = self.training.micro_batches, self.objectives
        if parts == 1:
            return self
        if self.data.rows % parts:
            raise ValueError(
                f"training.micro_batches: {parts} parts do not divide the {self.data.rows} rows "
                "of data.rows"
            )
        if objectives.weighing in ("gradnorm", "pcgrad") or objectives.cosines_every:
            what = (
                "cosines_every" if objectives.cosines_every else f"weighing: {objectives.weighing}"
            )
            raise ValueError(
                "training.micro_batches: the terms' own gradients are not kept in parts; "
                f"leave out objectives.{what}, or micro_batches"
            )
        return self

    def fingerprint(self) -> str:
        """Return the sha256 of the resolved config, which does not depend on where files lie.

        >>> Config().fingerprint() == Config(seed=1).fingerprint()
        False
        """
        values = paths.without_places(self.model_dump(mode="json"), type(self))
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the complete config as YAML; `load(path)` gives an equal one."""
        values = self.model_dump(mode="json")
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        if yaml.safe_load(text) != values:  # PyYAML folds U+0085 away unless it is escaped
            text = yaml.safe_dump(values, sort_keys=False)
        files.write_text(path, text)
