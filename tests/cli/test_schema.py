"""The schema of a config holds every knob."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from tfsocial.cli import schema as command
from tfsocial.config.schema import json_schema

MENUS = command.menus()
SCHEMA = json.loads(json_schema(menus=MENUS))
DEFINITIONS = SCHEMA["$defs"]
PLACES = [(menu, name) for menu in MENUS._fields for name in getattr(MENUS, menu)]


def definition(menu: str, name: str) -> dict:
    """What the schema says of an entry, found where a config has it."""
    data, terms = DEFINITIONS["Data"]["properties"], DEFINITIONS["Objectives"]["properties"]
    entry = {
        "community": lambda: terms["community"]["properties"][name]["anyOf"][0],
        "papers": lambda: terms["papers"]["properties"][name]["anyOf"][0],
        "losses": lambda: DEFINITIONS["TaskLoss"]["anyOf"][list(MENUS.losses).index(name)],
        "ops": lambda: data["augment"]["items"]["anyOf"][1]["properties"][name]["anyOf"][0],
    }[menu]()
    return DEFINITIONS[entry["$ref"].removeprefix("#/$defs/")]


@pytest.mark.parametrize(("menu", "name"), PLACES, ids=" ".join)
def test_every_entry_has_its_knobs_their_defaults_and_its_description(menu, name):
    """Fields of its dataclass, and nothing else but the weight of a term and a loss's name."""
    kind, found = getattr(MENUS, menu)[name], definition(menu, name)
    hidden = {"task"} if menu == "losses" else set()
    beside = {"community": {"weight"}, "papers": {"weight"}, "losses": {"name"}, "ops": set()}
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name not in hidden}
    assert found["properties"].keys() == fields.keys() | beside[menu]
    assert not found["additionalProperties"]
    assert found["description"].split()[:3] == kind.__doc__.split()[:3]
    for knob, field in fields.items():
        if field.default is not dataclasses.MISSING:
            assert found["properties"][knob]["default"] == json.loads(json.dumps(field.default))


def test_every_reference_leads_somewhere():
    """Also those of the knobs' own types."""

    found = re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json_schema(menus=MENUS))
    assert set(found) <= DEFINITIONS.keys()
