"""The config as a commented YAML file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfsocial.config import Model
from tfsocial.init.columns import Labels, Roles
from tfsocial.init.recipe import EPOCHS, NONE, Recipe

MOST_LISTED = 4

LICENCE = (
    "# Whose texts are these, and may a model be trained on them? A run starts when one of the",
    "# two lines says it: the licence they were published under, as an SPDX id, or why you may.",
    "# licence: CC-BY-4.0",
    "# licence_ack: our own customers' messages; they agreed to this use in our terms",
)


@dataclass(frozen=True)
class Facts:
    """What was seen in a table, beside the roles of its columns.

    Attributes:
        files: split -> its file.
        tokens: of a text, as M0 counts them: median and 99th percentile.
        row_length: tokens of a row that holds these texts.
        script: that most letters are of.
        unknown: share of tokens that M0 has no word for.
        repeated: rows whose text stands more than once, nearly or exactly.
        conflicts: texts that stand with different labels.
        noise: share of labels that look wrong; None where M0 cannot tell, or there are no classes.
    """

    source: str
    files: Mapping[str, str]
    rows: Mapping[str, int]
    tokens: tuple[int, int]
    row_length: int
    script: str
    unknown: float
    repeated: int
    conflicts: int
    noise: float | None
    bad: int


def text(name: str, roles: Roles, facts: Facts, recipe: Recipe, model: Model) -> str:
    """Write the config, each value with the reason for it."""
    lines = [
        f"# Written by `tfsocial init` from {facts.source}. Every line may be changed; all keys:",
        "# `tfsocial schema`. What was seen in the table stands beside the value that follows from",
        "# it.",
        f"name: {_flow(name)}",
        "",
        *_data(roles, facts, recipe),
        "",
        *_tasks(roles),
        "",
        *_recipe(recipe, model),
    ]
    return "\n".join(lines) + "\n"


def _data(roles: Roles, facts: Facts, recipe: Recipe) -> Iterator[str]:
    yield "data:"
    columns = _flow(roles.text[0] if len(roles.text) == 1 else list(roles.text))
    yield f"  text: {columns}"
    yield "  # Split by groups of texts that are nearly the same, so that none of dev and test was"
    yield f"  # learned by heart in train; {facts.repeated} rows stand more than once."
    yield "  root: .  # the folder of this file"
    splits = _flow({split: file for split, file in facts.files.items() if split != "pool"})
    if recipe.name == "pool":
        yield f"  epoch_examples: {2 * facts.rows['train']}  # texts in an epoch, half of the pool"
        yield "  mixture:"
        yield "    own:"
        yield f"      splits: {splits}"
        yield from (f"      {line}" for line in LICENCE)
        yield "    pool:"
        yield f"      splits: {{train: {facts.files['pool']}}}"
        yield "      tasks: []  # no labels"
        yield from (f"      {line}" for line in LICENCE[2:])
    else:
        yield f"  splits: {splits}"
        yield from (f"  {line}" for line in LICENCE)
    if facts.conflicts:
        yield f"  # {facts.conflicts} texts have several labels; `tfsocial inspect` lists them."
    yield (
        f"  row_length: {facts.row_length}  # tokens; a text has {facts.tokens[0]} in the median, "
        f"{facts.tokens[1]} or fewer in 99 of 100"
    )
    attributes = [one.column for one in roles.others]
    if attributes:
        yield "  # Columns that could slice an evaluation or be tasks of their own:"
        yield f"  # attributes: {_flow({name: name for name in attributes})}"


def _tasks(roles: Roles) -> Iterator[str]:
    yield "tasks:"
    for one in roles.tasks:
        yield f"  # {_about(one)}"
        yield f"  {one.task}: {_flow(_task(one))}"


def _task(one: Labels) -> dict[str, Any]:
    values: dict[str, Any] = {"column": one.column}
    if one.kind != "classify":
        values["kind"] = one.kind
    if one.kind == "multilabel" and one.separator != "|":
        values["separator"] = one.separator
    if one.ood_label:
        values["ood_label"] = one.ood_label
    return values


def _about(one: Labels) -> str:
    if one.kind == "regress":
        return f"{one.rows} numbers"
    ordered = sorted(one.counts, key=lambda label: -one.counts[label])
    listed = [f"{label} {one.counts[label]}" for label in ordered[:MOST_LISTED]]
    more = f" ... {ordered[-1]} {one.counts[ordered[-1]]}" if len(ordered) > MOST_LISTED else ""
    return f"{len(ordered)} labels on {one.rows} rows: {', '.join(listed)}{more}".replace("\n", " ")


def _recipe(recipe: Recipe, model: Model) -> Iterator[str]:
    if recipe != NONE:
        yield f"# The recipe {recipe.name}: {recipe.why}."
        yield f"# What it is worth was measured: see tfsocial/recipes/{recipe.name}.yaml."
    sections = recipe.values
    if model != Model():
        sections["model"] = {"checkpoint": model.checkpoint, **sections.get("model", {})}
    for section, values in sections.items():
        if all(isinstance(value, dict) for value in values.values()):
            yield f"{section}:"
            yield from (f"  {key}: {_flow(value)}" for key, value in values.items())
        else:
            yield f"{section}: {_flow(values)}"
    if epochs := EPOCHS.get(recipe.name):
        yield f"training: {{epochs: {epochs}}}"


def _flow(value: Any) -> str:
    """Write a value on one line of YAML.

    >>> _flow({"column": "main topic", "separator": ";"}), _flow(["a", "b"]), _flow("标签")
    ('{column: "main topic", separator: ";"}', '[a, b]', '"标签"')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _plain(word: str) -> bool:
    """Tell whether a word needs no quotes: it is read as itself, whatever YAML's version."""
    named = word.replace("_", "").replace(".", "").replace("-", "")
    reserved = ("null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf")
    letters = named.isascii() and named.isalnum() and word[0].isalpha()
    return letters and word.lower() not in reserved
