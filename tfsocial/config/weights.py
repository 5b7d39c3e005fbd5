"""Weights of terms: a number, one that moves by schedule, or one that training moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Discriminator, Field, Tag

from tfsocial.config.base import Count, Fraction, NotNegative, Positive, Section


class Schedule(Section):
    """A weight that moves from `start` to `end` between two fractions of the run.

    `linear` and `cosine` ramp; `step` jumps to `end` at `begin`.
    """

    start: NotNegative = Field(0.0, description="the weight before begin")
    end: NotNegative = Field(1.0, description="the weight after until")
    begin: Fraction = Field(0.0, description="fraction of the run where it begins to move")
    until: Fraction = Field(1.0, description="fraction of the run where it has arrived")
    shape: Literal["linear", "cosine", "step"] = Field(
        "linear", description="of the way between; step: it jumps to end at begin"
    )

    def __str__(self) -> str:
        return f"({self.start:g} -> {self.end:g})"

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Schedule:
        if self.until < self.begin:
            raise ValueError(f"until ({self.until}) lies before begin ({self.begin})")
        return self


class DriftConstraint(Section):
    """A weight that training itself moves, so that the model drifts from M0 no further than this.

    The mean cosine between a text's vector and M0's vector of it, over texts of dev (of train
    where there is no dev), is kept at or above `cosine`.
    """

    cosine: float = Field(ge=0.0, lt=1.0, description="the mean cosine to M0 that is kept")
    start: Positive = Field(1.0, description="the weight at the first step")
    every: Count = Field(25, description="steps between measurements, each followed by a move")
    step_size: Positive = Field(
        1.0,
        description="e^step_size multiplies the weight when texts drift twice as far",
    )
    texts: Count = Field(256, description="how many texts are measured")

    def __str__(self) -> str:
        return f"(cosine >= {self.cosine:g})"


def _weight_form(value: Any) -> str:
    return "schedule" if isinstance(value, Mapping | Schedule) else "number"


def _alpha_form(value: Any) -> str:
    if isinstance(value, DriftConstraint) or (isinstance(value, Mapping) and "cosine" in value):
        return "drift constraint"
    return _weight_form(value)


_Number = Annotated[NotNegative, Tag("number")]
_Scheduled = Annotated[Schedule, Tag("schedule")]
Weight = Annotated[_Number | _Scheduled, Discriminator(_weight_form)]
_Constrained = Annotated[DriftConstraint, Tag("drift constraint")]
Alpha = Annotated[_Number | _Scheduled | _Constrained, Discriminator(_alpha_form)]
