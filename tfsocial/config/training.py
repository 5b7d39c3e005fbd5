"""How long training goes on, on what arithmetic, and what is watched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tfsocial.config.base import Count, Positive, Section
from tfsocial.config.paths import AnyPath

# All of them better when larger.
Monitor = Literal["accuracy", "macro_f1", "micro_f1", "in_scope_accuracy", "pearson", "r2", "-loss"]


class LossSpike(Section):
    """When a loss that jumps and stays up is a spike, and what is done about it."""

    factor: Positive = Field(
        10.0, description="spreads of the last losses that the next ones lie above their level"
    )
    window: int = Field(50, ge=10, description="losses that level and spread are taken from")
    rollback: bool = Field(
        False,
        description="weights go back to the last checkpoint from before the spike, and on with "
        "the batches after it",
    )


class Training(Section):
    """How long, on what arithmetic, and what is watched."""

    epochs: Count = Field(8, description="times that train is read")
    max_steps: Count | None = Field(
        None, description="the run ends after so many steps, whatever epochs say"
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="float16 scales the loss; for GPUs that multiply no bfloat16"
    )
    compile: Literal["auto", "xla", "graph"] = Field(
        "auto", description="how the step is run: compiled by XLA, or as a TensorFlow graph"
    )
    monitor: Monitor = Field(
        "accuracy",
        description="dev metric that picks the weights; -loss also where no task has the metric, "
        "or there is no task",
    )
    patience: Count | None = Field(None, description="epochs without a better dev metric")
    ema: float | None = Field(
        None,
        ge=0.0,
        lt=1.0,
        description="memory of a moving average of the weights, which is scored and kept for them",
    )
    gradual_unfreezing_epochs: Positive | None = Field(
        None,
        description="epochs after which one more encoder layer begins to learn, the top one "
        "first, the embeddings last; left out, all learn from the start",
    )
    frozen_layers: int | None = Field(
        None,
        ge=0,
        description="encoder layers, the lowest first, that stay as they are, and the embeddings "
        "below them; 0: the embeddings alone; as many as there are: all but the heads; left out, "
        "all learn",
    )
    tuned: Literal["all", "biases"] = Field(
        "all",
        description="what of the encoder learns; biases: those and the norms alone (BitFit), a "
        "thousandth of the weights",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="compute what happens within a layer again on the way back instead of keeping "
        "it: a third more arithmetic, memory for one layer instead of all",
    )
    micro_batches: Count = Field(
        1, description="parts a batch is computed in, one after the other, to save memory"
    )
    steps_per_execution: Count = Field(
        1, description="steps between two looks of Python at the device; 20 to 100 on a TPU"
    )
    loss_spike: LossSpike | None = Field(LossSpike(), description="null: nobody looks for one")
    log_every: Count = Field(20, description="steps between two points of a curve")
    checkpoint_every: Count = Field(500, description="steps between two checkpoints")
    checkpoints_kept: Count = Field(2, description="how many of the latest checkpoints stay")
    checkpoints: AnyPath | None = Field(
        None,
        description="folder of the checkpoints, gs:// too; left out, `checkpoints` in the workdir",
    )
    deterministic: bool = Field(
        False, description="the same weights each time, bit for bit, on a CPU"
    )
