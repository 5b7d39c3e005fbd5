"""Knobs of objectives, losses and ops: fields of their frozen dataclasses."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pydantic

from tfsocial.config import annotation_tree, sentences
from tfsocial.config.base import holds_numbers
from tfsocial.errors import InputError, nearest

Kind = TypeVar("Kind")


def check_names(
    name: str, kind: type, knobs: Mapping[str, Any], where: str, also: Sequence[str] = ()
) -> None:
    """Check that all knobs are fields of a dataclass.

    Args:
        also: what may be set beside them.

    Raises:
        InputError: one is not.
    """
    fields = [field.name for field in dataclasses.fields(kind)]
    for knob in knobs:
        if knob not in fields:
            hint = nearest(knob, [*also, *fields])
            raise InputError(f"{where}.{knob} is not a knob of {name}; {hint}")


def with_knobs(kind: type[Kind], knobs: Mapping[str, Any], where: str) -> Kind:
    """Make a dataclass with its fields checked; `where` is its key path in the config.

    Raises:
        InputError: a value does not fit.
    """
    types = typing.get_type_hints(kind, include_extras=True)
    for knob, value in knobs.items():
        if isinstance(value, bool) and holds_numbers(types[knob]):
            raise InputError(f"{where}.{knob} is {str(value).lower()}; input should be a number")
    try:
        made = pydantic.TypeAdapter(kind).validate_python(dict(knobs))
    except pydantic.ValidationError as error:
        detail = error.errors()[0]
        path = ".".join([where, *annotation_tree.walk(kind, detail["loc"])[0]])
        reason = sentences.reason_of(detail)
        raise InputError(f"{path} is {detail['input']!r}; {reason}") from None
    for knob, value in vars(made).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise InputError(f"{where}.{knob} is {value!r}; input should be a finite number")
    return made
