"""What is searched: key paths of the config, each with a range or with choices."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pydantic
from pydantic import Field

from tfsocial.config import Config, load
from tfsocial.config.base import Section
from tfsocial.config.sentences import sentences
from tfsocial.config.yaml_reader import read_yaml
from tfsocial.errors import InputError

Number = int | float
# What a search may turn; splits, labels and what dev is scored by are the question it answers.
SEARCHED = (
    "data.augment",
    "data.epoch_examples",
    "data.mixture.*.sampling_weight",
    "data.row_length",
    "data.rows",
    "data.second_view",
    "data.slots",
    "data.temperature",
    "model",
    "objectives",
    "optimizer",
    "tasks.*.loss",
    "tasks.*.weight",
    "training",
)
FIXED = (
    "model.citation",
    "model.licence",
    "model.licence_ack",
    "training.checkpoint_every",
    "training.checkpoints",
    "training.checkpoints_kept",
    "training.deterministic",
    "training.log_every",
    "training.monitor",
)


class Range(Section):
    """Numbers from `low` to `high`; whole ones where both ends are whole."""

    low: Number = Field(description="the least")
    high: Number = Field(description="the most")
    log: bool = Field(False, description="even on a logarithmic scale")
    step: Number | None = Field(None, gt=0, description="apart; left out, any number, or any whole")

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"has to go up; low is {self.low}, high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"has no logarithm at its low end, {self.low}")
        if self.log and self.step is not None:
            raise ValueError("has log and step; drop one of them")
        if self.whole and self.step is not None and not isinstance(self.step, int):
            raise ValueError(f"has whole ends and a step that is none, {self.step}")
        return self

    @property
    def whole(self) -> bool:
        """Whether it is of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def examples(self) -> Sequence[Any]:
        """Values that the config has to take."""
        return (self.low, self.high)

    def value(self, drawn: Any) -> Any:
        """Give what a drawn number stands for."""
        return drawn


class Choices(Section):
    """One of several values, or of several named ones where a value is a whole section."""

    choices: dict[str, Any] | tuple[str | bool | int | float | None, ...] = Field(
        min_length=2, description="a list of values, or name: value"
    )

    @property
    def names(self) -> tuple[Any, ...]:
        """What a storage keeps: plain values, or names."""
        return tuple(self.choices)

    @property
    def examples(self) -> Sequence[Any]:
        """Values that the config has to take."""
        return tuple(self.choices.values()) if isinstance(self.choices, dict) else self.choices

    def value(self, drawn: Any) -> Any:
        """Give what a drawn name stands for."""
        return self.choices[drawn] if isinstance(self.choices, dict) else drawn


@dataclass(frozen=True)
class Space:
    """Key paths and what they may be."""

    keys: Mapping[str, Range | Choices]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a space from YAML: `key.path: {low: .., high: ..}` or `key.path: {choices: ..}`.

        Raises:
            InputError: it cannot be read, is empty, names a key that may not be searched, or a
                range or choices make no sense; names file and key.
        """
        tree = read_yaml(path)
        if not tree:
            raise InputError(f"{path}: names no key to search; see docs, Tuning")
        return cls({key: _entry(path, key, value) for key, value in tree.items()})

    def values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """Give key path -> value of what was drawn."""
        return {key: self.keys[key].value(one) for key, one in drawn.items()}

    def check(self, files: Sequence[Any], overrides: Sequence[str]) -> None:
        """Refuse a key of which the config takes no value, whatever the others are.

        Raises:
            InputError: names the key and what is wrong with it.
        """
        for key, entry in self.keys.items():
            refusals = [
                refused
                for value in entry.examples
                if (refused := _refused(files, [*overrides, assignment(key, value)]))
            ]
            if len(refusals) == len(entry.examples):
                raise InputError(f"--space: {key}: no value of it fits the config: {refusals[0]}")

    def as_json(self) -> dict[str, Any]:
        """Give plain values."""
        return {key: entry.model_dump(mode="json") for key, entry in self.keys.items()}


def assignment(key: str, value: Any) -> str:
    """Write an override; numbers so that YAML reads them as numbers.

    >>> assignment("optimizer.learning_rate", 1e-05)
    'optimizer.learning_rate=1.0e-05'
    >>> assignment("objectives.papers", {"r_drop": {"weight": 0.5}})
    'objectives.papers={"r_drop": {"weight": 0.5}}'
    """
    if isinstance(value, float) and "e" in (text := repr(value)):
        return f"{key}={text}" if "." in text else f"{key}={text.replace('e', '.0e')}"
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def load_with(files: Sequence[Any], overrides: Sequence[str], values: Mapping[str, Any]) -> Config:
    """Load the config with some values in it.

    Raises:
        InputError: it refuses them.
    """
    return load(files, [*overrides, *(assignment(key, value) for key, value in values.items())])


def _refused(files: Sequence[Any], overrides: Sequence[str]) -> str:
    try:
        load(files, overrides)
    except InputError as error:
        return str(error)
    return ""


def _entry(path: Path, key: str, value: Any) -> Range | Choices:
    if not _may_be_searched(key):
        raise InputError(
            f"{path}: {key} may not be searched; a space turns {', '.join(SEARCHED)}, and not "
            f"{', '.join(FIXED)}"
        )
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: {key}: has to be {{low: .., high: ..}} or {{choices: ..}}")
    kind = Choices if "choices" in value else Range
    try:
        return kind.model_validate(value)
    except pydantic.ValidationError as error:
        raise InputError(f"{path}: {key}: {sentences(error, kind)}") from None


def _may_be_searched(key: str) -> bool:
    """Tell whether a search may turn a key.

    >>> [_may_be_searched(key) for key in ("optimizer.learning_rate", "tasks.mood.loss.name")]
    [True, True]
    >>> [_may_be_searched(key) for key in ("data.splits.test", "training.monitor", "seed", "data")]
    [False, False, False, False]
    """
    return any(_within(key, one) for one in SEARCHED) and not any(
        _within(key, one) or _within(one, key) for one in FIXED
    )


def _within(key: str, pattern: str) -> bool:
    parts, wanted = key.split("."), pattern.split(".")
    if len(parts) < len(wanted):
        return False
    return all(want in ("*", part) for part, want in zip(parts, wanted, strict=False))
