"""Terms of the formula beside the tasks' own losses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from tfsocial.config.base import Block, Count, Name, NotNegative, Positive, Section
from tfsocial.config.weights import Alpha, Weight


class _Term(Block):
    """What a term of any part says; the part says which of these weights it may have."""

    model_config = ConfigDict(extra="allow")

    weight: Alpha = 1.0

    @property
    def knobs(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class CommunityObjective(_Term):
    """A term of L0; its weight may be a drift constraint too."""


class Objective(_Term):
    """One term of the formula: its weight, and the paper's own knobs beside it.

    The knobs are checked against the objective itself when the table builds it.
    """

    weight: Weight = 1.0


class Objectives(Section):
    """alpha * L0 (community) and beta * L_paper (papers); L belongs to each task."""

    community: dict[Name, CommunityObjective] = Field(
        {}, description="terms of L0: name -> weight and knobs"
    )
    papers: dict[Name, Objective] = Field(
        {}, description="terms of L_paper: name -> weight and knobs"
    )
    weighing: Literal["fixed", "uncertainty", "gradnorm", "pcgrad"] = Field(
        "fixed",
        description="fixed: the weights as they stand; uncertainty: each over a learned variance; "
        "gradnorm: moved so that all terms learn at one pace; "
        "pcgrad: gradients that point against each other are made orthogonal",
    )
    gradnorm_alpha: NotNegative = Field(1.5, description="how strongly a term that lags is helped")
    sam_radius: Positive | None = Field(
        None, description="SAM's rho, the radius around theta in which the worst loss is lowered"
    )
    cosines_every: Count | None = Field(
        None, description="steps between measurements of the angles between the terms' gradients"
    )
