"""What a tracker does. All calls come from one thread, in this order; any may fail or hang."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Scalars = Mapping[str, float]


@dataclass(frozen=True)
class Described:
    """The run that is tracked.

    Attributes:
        run_id: by which a run that was stopped goes on with the same curve.
        name: of the config.
        workdir: of the run.
        knobs: key path -> value, all of the config.
    """

    run_id: str
    name: str
    workdir: Path
    knobs: Mapping[str, Any]


class Tracker(Protocol):
    """One tracker."""

    def start(self, run: Described) -> None:
        """Begin a run, or go on with the one that has its id."""

    def log(self, step: int, scalars: Scalars) -> None:
        """Take a point of every curve."""

    def conclude(self, scores: Scalars, artefacts: Sequence[Path]) -> None:
        """Take what came of the run: final scores, and files or folders."""

    def close(self) -> None:
        """End; what was not sent yet is sent."""
