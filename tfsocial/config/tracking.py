"""Where the numbers of a run go besides TensorBoard and metrics.jsonl."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tfsocial.config.base import Positive, Section


class WandB(Section):
    """A project of Weights & Biases."""

    project: str = Field("tfsocial", description="of the run", min_length=1)
    entity: str | None = Field(None, description="team or user; left out, the account's own")
    mode: Literal["offline", "online"] = Field(
        "offline",
        description="offline: written into the workdir, to be sent by `wandb sync`; online: sent "
        "while the run goes on",
    )


class MLflow(Section):
    """An experiment of MLflow."""

    experiment: str = Field("tfsocial", description="of the run", min_length=1)
    uri: str | None = Field(
        None, description="of the tracking server or database; left out, mlflow.db in the workdir"
    )


class Tracking(Section):
    """Trackers beside TensorBoard, which is always written. No text of the data goes there."""

    wandb: WandB | None = Field(None, description="needs the extra `wandb`")
    mlflow: MLflow | None = Field(None, description="needs the extra `mlflow`")
    model: bool = Field(False, description="whether the saved model is sent too")
    seconds: Positive = Field(
        60.0, description="that the end of a run waits for a tracker that does not answer"
    )
