"""What sections are made of: blocks of keys and values, and the types of single values."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tfsocial.config.annotation_tree import types_in

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Dropout = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


def _not_blank(reason: str) -> str:
    if not reason.strip():
        raise ValueError("is empty; say why in a few words, they are kept with the model")
    return reason


Reason = Annotated[str, AfterValidator(_not_blank)]


class Block(BaseModel):
    """Keys and values that are immutable and finite; true and false are no numbers."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]  # a validator of "*" is told which
        if isinstance(value, bool) and holds_numbers(field.annotation):
            raise ValueError(f"is {str(value).lower()}; input should be a number")
        return value


def holds_numbers(annotation: Any) -> bool:
    """Tell whether a field of this type holds numbers and no booleans.

    >>> holds_numbers(Count | None), holds_numbers(bool | None), holds_numbers(str)
    (True, False, False)
    """
    kinds = list(types_in(annotation))
    return bool not in kinds and (int in kinds or float in kinds)


class Section(Block):
    """A block of the config in which unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")
