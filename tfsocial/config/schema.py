"""JSON schema of a config, for editors."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pydantic
from pydantic import BaseModel

from tfsocial.config.run import Config

Menu = Mapping[str, type]  # name -> the frozen dataclass whose fields are its knobs
Schema = dict[str, Any]


class Menus(NamedTuple):
    """What a training run's config chooses from, which is built in layers above the config."""

    community: Menu
    papers: Menu
    losses: Menu
    ops: Menu


def json_schema(root: type[BaseModel] = Config, menus: Menus | None = None) -> str:
    """Return the JSON schema of a config's root, with every knob of what is on the menus."""
    schema = root.model_json_schema()
    if menus is not None:
        _add_menus(schema["$defs"], menus)
    return json.dumps(schema, indent=2)


def _add_menus(definitions: Schema, menus: Menus) -> None:
    """Say what may stand where the sections alone let anything through."""
    terms = definitions["Objectives"]["properties"]
    for part, entry in (("community", "CommunityObjective"), ("papers", "Objective")):
        weight = definitions[entry]["properties"]
        terms[part] |= _named(
            {
                name: _or_null(_defined(f"{part}.{name}", kind, definitions, weight))
                for name, kind in getattr(menus, part).items()
            }
        )
        terms[part].pop("additionalProperties")
        terms[part]["additionalProperties"] = False
    definitions["TaskLoss"] = _losses(menus.losses, definitions)
    for key in ("augment", "second_view"):
        definitions["Data"]["properties"][key]["items"] = _ops(menus.ops, definitions)


def _losses(menu: Menu, definitions: Schema) -> Schema:
    """Describe a loss by name; without one, the usual of the task's kind, not named."""
    losses = [
        _defined(f"loss.{name}", kind, definitions, {"name": {"const": name}}, hidden=("task",))
        for name, kind in menu.items()
    ]
    return {"anyOf": losses, "description": "The task's own loss; left out, the usual of its kind."}


def _ops(menu: Menu, definitions: Schema) -> Schema:
    """Describe an op: its bare name, or a mapping of its name to its knobs."""
    knobs = {
        name: _or_null(_defined(f"op.{name}", kind, definitions)) for name, kind in menu.items()
    }
    one = {**_named(knobs), "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [{"enum": list(menu)}, one]}


def _named(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _defined(
    place: str,
    kind: type,
    definitions: Schema,
    beside: Mapping[str, Schema] | None = None,
    hidden: tuple[str, ...] = (),
) -> Schema:
    """Put a dataclass among the definitions, and return the reference to it.

    Args:
        place: MENU.NAME, what it is called there: an objective and an op may share a name.
        beside: what stands beside its knobs: the weight of a term, the name of a loss.
        hidden: fields that are no knobs.
    """
    schema = pydantic.TypeAdapter(kind).json_schema()
    definitions.update(schema.pop("$defs", {}))
    knobs = {key: value for key, value in schema["properties"].items() if key not in hidden}
    definitions[place] = {
        "title": place.partition(".")[2],
        "description": inspect.getdoc(kind),
        **_named({**(beside or {}), **knobs}),
    }
    return {"$ref": f"#/$defs/{place}"}
