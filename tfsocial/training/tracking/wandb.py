"""Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfsocial.config.tracking import WandB
from tfsocial.extras import library
from tfsocial.training.tracking.contract import Described, Scalars


class WandBTracker:
    """A run of a project; offline it lies in the workdir, to be sent by `wandb sync`."""

    def __init__(self, settings: WandB):
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its own errors, to its makers
        self._settings = settings
        self._wandb: Any = library("wandb", "wandb", "wandb", "tracking.wandb")

    def start(self, run: Described) -> None:
        settings = self._settings
        self._run = self._wandb.init(
            project=settings.project,
            entity=settings.entity,
            mode=settings.mode,
            id=run.run_id,
            resume="allow",
            name=run.name,
            config=dict(run.knobs),
            dir=run.workdir,
            # What is printed may hold texts; code and git are the user's own business.
            settings=self._wandb.Settings(
                console="off", silent=True, disable_code=True, disable_git=True
            ),
        )
        # Steps are taken again after a kill, and its own counter never goes back.
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, scalars: Scalars) -> None:
        self._run.log({**scalars, "step": step})

    def conclude(self, scores: Scalars, artefacts: Sequence[Path]) -> None:
        self._run.summary.update({f"result/{name}": value for name, value in scores.items()})
        artefact = self._wandb.Artifact(f"run-{self._run.id}", "run")
        for path in artefacts:
            if path.is_dir():
                artefact.add_dir(str(path), name=path.name)
            else:
                artefact.add_file(str(path))
        self._run.log_artifact(artefact)

    def close(self) -> None:
        self._run.finish()
