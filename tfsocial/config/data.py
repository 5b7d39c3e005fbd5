"""Data: one source or a mixture of several, and how examples become packed rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import pydantic
from pydantic import Field

from tfsocial.config.augmentation import AugmentOp
from tfsocial.config.back_translation import BackTranslation
from tfsocial.config.base import Count, Fraction, Name, Positive, Reason, Section
from tfsocial.config.features import Feature
from tfsocial.config.paths import AnyPath, LocalFolder
from tfsocial.config.tasks import Task


class Splits(Section):
    """What each split is made of: files or globs relative to `root`; of a named set its splits."""

    train: tuple[str, ...] = Field((), description="what is learned from")
    dev: tuple[str, ...] = Field((), description="what picks weights and thresholds")
    test: tuple[str, ...] = Field((), description="what is scored once, at the end")

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


# What `source` may be, as it is written in messages -> the pattern of it.
SOURCE_FORMS: Mapping[str, str] = {
    "files": r"files",
    "tfds:NAME[/CONFIG][:VERSION]": r"tfds:\w+(/[\w.+-]+)?(:[\d.*]+)?",
    "hub:OWNER/NAME[/CONFIG][@REVISION]": r"hub:[\w.-]+(/[\w.-]+){0,2}(@[\w./-]+)?",
}
INPUTS = ("text", "text_pair")  # what exported models call the texts
_FORMS = " or ".join(SOURCE_FORMS).replace(" or ", ", ", len(SOURCE_FORMS) - 2)


class Source(Section):
    """Where rows come from, whose they are, and which of their columns are text."""

    name: str = Field("", description="public name of the data set")
    homepage: str = Field("", description="where the data set can be had")
    licence: str = Field("unknown", description="SPDX id, or 'unknown'")
    licence_source: str = Field("", description="where the licence was read")
    licence_ack: Reason | None = Field(
        None, description="why you may train on it though its licence is unknown or sets terms"
    )
    citation: str = Field("", description="of the authors; for the model card")
    source: str = Field(
        "files",
        description=f"{_FORMS}: files, a set of TensorFlow Datasets, or one of the Hugging Face "
        "Hub. `splits` of a named set are its own, or parts of them: train[:80%], train[80%:]",
    )
    root: AnyPath | None = Field(
        None,
        description="folder of the files, gs:// too, relative to the config file; of tfds: its "
        "data_dir, of hub: a local copy of the set's folder; --set data.root=DIR. Of a mixture it "
        "is the folder of the files of those that name none",
    )
    splits: Splits = Field(Splits(), description="files or parts of train, dev and test")
    format: Literal["auto", "csv", "tsv", "jsonl", "txt", "tfrecord"] = Field(
        "auto",
        description="of files; auto: by their names, .gz or not; txt: one text a line, in the "
        "column `text`",
    )
    text: tuple[str, ...] = Field(
        ("text",), min_length=1, max_length=2, description="column of the text; two for pairs"
    )
    attributes: dict[Name, str] = Field(
        {},
        description="name -> the column of what examples have beside text and label: a group, a "
        "user, a list, a time; kept as written",
    )

    @property
    def kind(self) -> str:
        """files, tfds or hub."""
        return self.source.partition(":")[0]

    def labelled(self, tasks: Mapping[str, Task]) -> dict[str, Task]:
        """Give the tasks that its rows have labels for, with their columns here."""
        return dict(tasks)

    @pydantic.field_validator("text", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @pydantic.field_validator("source")
    @classmethod
    def _known_form(cls, source: str) -> str:
        if not any(re.fullmatch(form, source) for form in SOURCE_FORMS.values()):
            raise ValueError(f"is {source!r}; write {_FORMS}, and the parts of it in splits")
        return source


class MixtureSource(Source):
    """One source of a mixture: its rows, its labels, and its part of a training epoch."""

    sampling_weight: Positive | None = Field(
        None,
        description="its part of an epoch, relative to the other sources'; left out, its size, "
        "or what data.temperature makes of it",
    )
    tasks: tuple[Name, ...] | None = Field(
        None,
        description="the tasks its rows have labels for; left out, all; []: unlabelled text",
    )
    columns: dict[Name, str] = Field(
        {}, description="task -> its column here, where it is not tasks.TASK.column"
    )
    labels: dict[Name, dict[str, str]] = Field(
        {}, description="task -> a label as it is written here -> the same as the task calls it"
    )

    def labelled(self, tasks: Mapping[str, Task]) -> dict[str, Task]:
        """Give the tasks that its rows have labels for, with their columns here."""
        return {
            name: task.model_copy(update={"column": self.columns.get(name, task.column)})
            for name, task in tasks.items()
            if self.tasks is None or name in self.tasks
        }

    @property
    def named_tasks(self) -> tuple[str, ...]:
        """Every task that it says something of."""
        return (*(self.tasks or ()), *self.columns, *self.labels)


class Data(Source):
    """Where examples come from and how they become packed rows."""

    licence_policy: Literal["permissive", "noncommercial", "any"] = Field(
        "permissive",
        description="which licences the run accepts of its data and of M0; see provenance/",
    )
    mixture: dict[Name, MixtureSource] = Field(
        {},
        description="several sources beside each other, open data and your own; each says for "
        "itself what data says of a single one: source, root, splits, text, licence",
    )
    temperature: Positive | None = Field(
        None,
        description="T: a source of n examples gets a part of an epoch in proportion to n^(1/T); "
        "1 is its size, 3.3 what XLM-R and mT5 take, the larger the more even",
    )
    epoch_examples: Count | None = Field(
        None,
        description="training examples an epoch draws from the mixture; left out, as many as "
        "its sources have together",
    )
    features: dict[Name, Feature] = Field(
        {},
        description="columns of the table that heads read beside the text, by the name of the "
        "column, or of the attribute that says which column it is; sources of a mixture say it in "
        "their attributes, and those that do not have no value for it",
    )
    shots: Count | None = Field(
        None,
        description="training examples of each class, drawn by seed; left out, all; of a mixture, "
        "sources without labels of that task, as unlabelled text, stay whole",
    )
    max_bad_fraction: Fraction = Field(0.01, description="more bad rows than this stop the run")
    max_characters: Count = Field(100_000, description="longer texts go to quarantine")
    row_length: int = Field(128, ge=8, le=512, description="tokens in a packed row")
    rows: Count = Field(4, description="packed rows in a global batch")
    slots: int = Field(16, ge=1, le=256, description="examples a row can hold")
    together: Name | None = Field(
        None,
        description="an attribute whose examples stand in one batch of training, as a list that is "
        "ranked; each value fills rows of its own",
    )
    cache: LocalFolder | None = Field(
        None,
        description="folder for all that grows with the data, which memory then does not hold, "
        "and for tokens, which later runs find there; left out, all is in memory",
    )
    service: str | None = Field(
        None,
        description="grpc://HOST:PORT of a `data-service` that makes the batches of train, where "
        "augmentation keeps the trainer waiting",
    )
    augment: tuple[AugmentOp, ...] = Field(
        (), description="what train's texts go through anew in each epoch, in this order"
    )
    second_view: tuple[AugmentOp, ...] = Field(
        (), description="the same for the second view of a text, which some objectives compare"
    )
    back_translation: BackTranslation | None = Field(
        None, description="where the paraphrases come from that the op back_translation mixes in"
    )

    @property
    def sources(self) -> dict[str, Source]:
        """Key path -> source: the mixture's, or the one that `data` is itself.

        A source of a mixture that is files and names no root has that of `data`. A single source
        has its features among its attributes.
        """
        shared = {"root": self.root}
        return {
            f"data.mixture.{name}": source.model_copy(update=shared)
            if source.root is None and source.kind == "files"
            else source
            for name, source in self.mixture.items()
        } or {"data": self._with_features()}

    def _with_features(self) -> Data:
        if not self.features:
            return self
        columns = {name: name for name in self.features}
        return self.model_copy(update={"attributes": {**columns, **self.attributes}})

    def feature_column(self, name: str) -> str:
        """Name the column that has a feature, in the first source that has it."""
        every = (source.attributes for source in self.sources.values())
        return next(attributes[name] for attributes in every if name in attributes)

    @pydantic.model_validator(mode="after")
    def _one_source_or_several(self) -> Data:
        if self.mixture and (self.splits != Splits() or self.source != "files"):
            raise ValueError(
                "names a mixture and a source of its own; make that one of data.mixture too"
            )
        if self.mixture and self.attributes:
            raise ValueError("names attributes beside a mixture; say for each of its sources")
        if not self.mixture and (self.temperature or self.epoch_examples):
            which = "temperature" if self.temperature else "epoch_examples"
            raise ValueError(f"names {which}, which is for a mixture, and no mixture")
        return self

    @pydantic.model_validator(mode="after")
    def _features_are_columns(self) -> Data:
        for name in self.features:
            if name in INPUTS:
                raise ValueError(
                    f"names a feature {name}, as models call a text; name it otherwise, and its "
                    "column in attributes"
                )
            if not any(name in source.attributes for source in self.sources.values()):
                raise ValueError(
                    f"names a feature {name} that no source of the mixture has; say in the "
                    "attributes of at least one which column it is"
                )
        return self

    @pydantic.model_validator(mode="after")
    def _sources_fit(self) -> Data:
        weighted = [
            name for name, source in self.mixture.items() if source.sampling_weight is not None
        ]
        if weighted and self.temperature:
            raise ValueError(
                f"names a temperature and the sampling_weight of {weighted[0]}; drop one of them"
            )
        if weighted and len(weighted) < len(self.mixture):
            other = next(name for name in self.mixture if name not in weighted)
            raise ValueError(f"mixes sources with a sampling_weight and without; give {other} one")
        for name, source in self.mixture.items():
            if len(source.text) != len(self.text):
                raise ValueError(
                    f"mixes texts and pairs: data.text names {len(self.text)} columns and "
                    f"mixture.{name}.text {len(source.text)}; make them as many"
                )
        return self
