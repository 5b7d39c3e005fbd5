"""The page of the config: every section and key, from the JSON schema that editors get too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from docs.hooks.results import table
from tfsocial.cli.schema import menus
from tfsocial.config.schema import json_schema

Schema = Mapping[str, Any]
INTRODUCTION = """# Config keys

A config says only what differs from these defaults. `tfsocial schema` prints them as a JSON schema
that an editor completes keys from. `--set KEY.PATH=VALUE` sets any of them on the command line.
Objectives, losses and augmentation ops have pages of their own:
[objectives](objectives.md), [optimizers and weighing](methods.md), [augmentation](augmentation.md).
"""
# The heading of a section -> its definition in the schema, in the order of a config.
SECTIONS = {
    "data": "Data",
    "data.splits": "Splits",
    "data.mixture.NAME": "MixtureSource",
    "data.features.NAME": "Feature",
    "data.back_translation, translator: marian": "MarianTranslator",
    "data.back_translation, translator: http": "HttpTranslator",
    "data.back_translation, translator: pairs": "PairsTranslator",
    "data.back_translation.sampling": "Sampling",
    "tasks.NAME": "Task",
    "model": "Model",
    "model.random": "RandomEncoder",
    "checkpoints.NAME": "Checkpoint",
    "objectives": "Objectives",
    "weight of a term, as a schedule": "Schedule",
    "weight of a term of L0, as a drift constraint": "DriftConstraint",
    "optimizer, name: adamw": "AdamW",
    "optimizer, name: adafactor": "Adafactor",
    "optimizer, name: lamb": "Lamb",
    "optimizer, name: lion": "Lion",
    "training": "Training",
    "training.loss_spike": "LossSpike",
    "report": "Report",
    "tracking": "Tracking",
    "tracking.wandb": "WandB",
    "tracking.mlflow": "MLflow",
}
# Not in the table: terms and ops, which have pages of their own.
ELSEWHERE = {"CommunityObjective", "Objective", "TaskLoss"}


def page() -> str:
    """Write the page, a section of the config after the other.

    Raises:
        KeyError: the schema has a section that this page does not name, or lacks one.
    """
    schema = json.loads(json_schema(menus=menus()))
    definitions = schema["$defs"]
    known = {*SECTIONS.values(), *ELSEWHERE}
    if missing := {name for name in definitions if "." not in name} ^ known:
        raise KeyError(f"docs/hooks/config_reference.py: sections that differ: {sorted(missing)}")
    sections = [_section("At the top", schema)]
    sections += [_section(title, definitions[name]) for title, name in SECTIONS.items()]
    return "\n\n".join([INTRODUCTION, *sections]) + "\n"


def _section(title: str, schema: Schema) -> str:
    about = " ".join((schema.get("description") or "").split("\n\n")[0].split())
    rows = [
        [f"`{key}`", _kind(value), _default(value), _escaped(value.get("description", ""))]
        for key, value in schema["properties"].items()
    ]
    return f"## {title}\n\n{about}\n\n{table(['key', 'values', 'default', 'what'], rows)}"


def _kind(value: Schema) -> str:
    """Say in few words what may stand there."""
    kinds = list(dict.fromkeys(_kinds(value)))
    return _escaped(" or ".join(kinds))


def _kinds(value: Schema) -> Iterator[str]:
    if "$ref" in value:
        yield "section"
    elif "const" in value:
        yield f"`{value['const']}`"
    elif "enum" in value:
        yield ", ".join(f"`{one}`" for one in value["enum"])
    elif "anyOf" in value or "oneOf" in value:
        for one in value.get("anyOf") or value["oneOf"]:
            yield from _kinds(one)
    else:
        yield {"array": "list", "object": "mapping"}.get(kind := value.get("type", ""), kind) + (
            _range(value)
        )


_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _range(value: Schema) -> str:
    bounds = [f"{sign} {value[key]:,}" for key, sign in _BOUNDS.items() if key in value]
    return f" {', '.join(bounds)}" if bounds else ""


def _default(value: Schema) -> str:
    default = value.get("default", "")
    if default == "" or (isinstance(default, dict) and default):
        return ""
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _escaped(text: str) -> str:
    plain = " ".join(text.split()).replace("<", "&lt;")
    return re.sub(r"([|\[\]*])", r"\\\1", plain)
