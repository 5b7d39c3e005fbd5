"""How weights move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pydantic
from pydantic import Field

from tfsocial.config.base import Fraction, NotNegative, Positive, Section

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
