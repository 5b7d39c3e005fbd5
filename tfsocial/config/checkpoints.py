"""Checkpoints beside M0."""

from __future__ import annotations

from pydantic import Field

from tfsocial.config.base import Reason, Section
from tfsocial.config.paths import CheckpointPath


class Checkpoint(Section):
    """A checkpoint beside M0, by a name that objectives and compositions call it by."""

    checkpoint: CheckpointPath = Field(description="package:NAME, hub:NAME or a local directory")
    licence: str = Field(
        "unknown", description="SPDX id, where neither its folder nor its package says it"
    )
    licence_ack: Reason | None = Field(
        None, description="why you may use it though its licence is unknown or sets terms"
    )
    citation: str = Field("", description="of its authors; for the model card")
