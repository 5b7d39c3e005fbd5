"""MLflow."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsocial.config.tracking import MLflow
from tfsocial.extras import library
from tfsocial.training.tracking.contract import Described, Scalars

TAG = "tfsocial.run"  # by which a run that was stopped is found again
PARAMS_AT_ONCE = 100
LONGEST = 6000  # characters of a parameter


class MLflowTracker:
    """A run of an experiment; without a server in a database in the workdir."""

    def __init__(self, settings: MLflow):
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        self._settings = settings
        self._entities: Any = library("mlflow.entities", "mlflow-skinny", "mlflow", _WHERE)
        self._client_class = library("mlflow", "mlflow-skinny", "mlflow", _WHERE).MlflowClient

    def start(self, run: Described) -> None:
        uri = self._settings.uri
        self._client = self._client_class(uri or f"sqlite:///{run.workdir.absolute()}/mlflow.db")
        place = None if uri else (run.workdir.absolute() / "mlflow-artifacts").as_uri()
        experiment = self._experiment(place)
        known = self._client.search_runs([experiment], f"tags.`{TAG}` = '{run.run_id}'")
        if known:
            self._id = known[0].info.run_id
            self._client.update_run(self._id, "RUNNING")
            return
        made = self._client.create_run(experiment, run_name=run.name, tags={TAG: run.run_id})
        self._id = made.info.run_id
        params = [self._entities.Param(*one) for one in _params(run.knobs).items()]
        for start in range(0, len(params), PARAMS_AT_ONCE):
            self._client.log_batch(self._id, params=params[start : start + PARAMS_AT_ONCE])

    def _experiment(self, place: str | None) -> str:
        name = self._settings.experiment
        found = self._client.get_experiment_by_name(name)
        if found:
            return found.experiment_id
        return self._client.create_experiment(name, artifact_location=place)

    def log(self, step: int, scalars: Scalars) -> None:
        now = int(1000 * time.time())
        metrics = [self._entities.Metric(name, value, now, step) for name, value in scalars.items()]
        self._client.log_batch(self._id, metrics=metrics)

    def conclude(self, scores: Scalars, artefacts: Sequence[Path]) -> None:
        self.log(0, {f"result/{name}": value for name, value in scores.items()})
        for path in artefacts:
            if path.is_dir():
                self._client.log_artifacts(self._id, str(path), path.name)
            else:
                self._client.log_artifact(self._id, str(path))

    def close(self) -> None:
        self._client.set_terminated(self._id)


_WHERE = "tracking.mlflow"


def _params(knobs: Mapping[str, Any]) -> dict[str, str]:
    texts = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in knobs.items()
    }
    return {key: text[:LONGEST] for key, text in texts.items()}
