"""All trackers of a run, as one callback: its id lies in the checkpoints."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import tf_keras as keras

from tfsocial.config import Config
from tfsocial.config.tracking import Tracking
from tfsocial.training.tracking.background import Background
from tfsocial.training.tracking.contract import Described, Scalars, Tracker
from tfsocial.training.tracking.mlflow import MLflowTracker
from tfsocial.training.tracking.wandb import WandBTracker

TRACKERS: Mapping[str, Callable[[Any], Tracker]] = {
    "wandb": WandBTracker,
    "mlflow": MLflowTracker,
}
# What is sent at the end; quarantine.jsonl and train_drawn.jsonl hold texts.
ARTEFACTS = ("config.yaml", "provenance.json", "report.json", "report.txt")


class Trackers(keras.callbacks.Callback):
    """Hands a run's points on; does nothing itself while the run trains.

    Raises:
        InputError: the package of a tracker that is asked for is not installed.
    """

    def __init__(self, settings: Tracking):
        super().__init__()
        self._settings = settings
        self._run_id = secrets.token_hex(8)
        asked = {name: getattr(settings, name) for name in TRACKERS}
        self._made = {name: TRACKERS[name](one) for name, one in asked.items() if one is not None}
        self._running: list[Background] = []

    def state(self) -> dict[str, str]:
        """Say by which id the run goes on with its curves."""
        return {"run_id": self._run_id}

    def restore(self, state: Mapping[str, str]) -> None:
        self._run_id = state["run_id"]

    def open(self, config: Config, workdir: Path) -> None:
        """Begin; comes after `restore`, if that comes at all."""
        knobs = _flat(config.model_dump(mode="json", exclude={"tracking"}))
        run = Described(self._run_id, config.name, workdir, knobs)
        self._running = [Background(name, tracker) for name, tracker in self._made.items()]
        for one in self._running:
            one.call(partial(one.tracker.start, run))

    def log(self, step: int, scalars: Scalars) -> None:
        """Hand a point of every curve on."""
        for one in self._running:
            one.call(partial(one.tracker.log, step, scalars))

    def conclude(self, scores: Scalars, workdir: Path) -> None:
        """Hand on what came of the run, and end."""
        names = [*ARTEFACTS, *(["model"] if self._settings.model else [])]
        artefacts = [path for name in names if (path := workdir / name).exists()]
        for one in self._running:
            one.call(partial(one.tracker.conclude, scores, artefacts))
        self.close()

    def close(self) -> None:
        """End; what was not handed on within the time that the config gives is left behind."""
        running: Sequence[Background] = self._running
        self._running = []
        for one in running:
            one.close(self._settings.seconds)


def _flat(values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Map key path -> value, of lists and numbers; what is left out is not there.

    >>> _flat({"a": {"b": 1, "c": None}, "d": [2]})
    {'a.b': 1, 'd': [2]}
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{path}{key}.")
        elif value is not None:
            flat[f"{path}{key}"] = value
    return flat
