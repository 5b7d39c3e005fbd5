"""Columns beside the text that heads read."""

from __future__ import annotations

from typing import Any

import pydantic
from pydantic import Field

from tfsocial.config.base import Count, Section
from tfsocial.kinds import FeatureKind


class Feature(Section):
    """A column of numbers or of categories that every head reads beside the text's vector."""

    kind: FeatureKind = Field(
        description="numeric: standardised by train's mean and spread, with a flag where it is "
        "missing; categorical: one-hot over the levels of train, with a slot for any other"
    )
    log: bool = Field(
        False,
        description="whether log(1 + x) is read instead of a number x, which may not be below 0: "
        "for prices and counts",
    )
    min_count: Count = Field(
        1,
        description="rows of train that a category must stand in to be a level of its own; rarer "
        "ones share the slot of those that train lacks",
    )

    @pydantic.field_validator("log", "min_count")
    @classmethod
    def _of_its_kind(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        default = cls.model_fields[info.field_name or ""].default  # a run's config.yaml says it
        wanted = "numeric" if info.field_name == "log" else "categorical"
        if value != default and info.data.get("kind", wanted) != wanted:
            raise ValueError(f"is for features of kind {wanted}")
        return value
