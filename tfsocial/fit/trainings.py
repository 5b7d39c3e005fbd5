"""Trainings of candidates, each in a process and a folder of its own, and none done twice."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsocial import files
from tfsocial.errors import InputError
from tfsocial.fit.budget import Budget
from tfsocial.fit.candidates import Candidate
from tfsocial.fit.cores import Cores, Job
from tfsocial.fit.table_folder import Part, TableFolder
from tfsocial.metrics.scores import mean_over_tasks
from tfsocial.tuning import training_process
from tfsocial.tuning.training_process import TrainingError

log = logging.getLogger(__name__)

OUTCOME = "outcome.json"
STEPS = "training.max_steps"  # all that two trainings of a candidate, part and seed may differ in


Settings = Mapping[str, Any]  # key -> value over a candidate's


@dataclass(frozen=True)
class Outcome:
    """What came of a training.

    Attributes:
        score: on what it was scored by, if anything.
        why: there is none.
    """

    workdir: Path
    seconds: float
    score: float | None = None
    why: str = ""

    @property
    def model(self) -> Path:
        return self.workdir / "model"


@dataclass(frozen=True)
class Trainings:
    """Trains candidates on parts of a table while the budget lasts."""

    table: TableFolder
    output: Path
    budget: Budget
    cores: Cores = field(default_factory=Cores)

    def train_all(
        self, jobs: Sequence[tuple[Candidate, int, Settings]], part: Part
    ) -> list[Outcome]:
        """Train candidates with their seeds and settings on one part, several at once."""

        def one(job: tuple[Candidate, int, Settings]) -> Job[Outcome]:
            candidate, seed, settings = job
            return lambda cores: self.train(candidate, part, seed, settings, cores=cores)

        return self.cores.at_once([one(job) for job in jobs])

    def train(
        self,
        candidate: Candidate,
        part: Part,
        seed: int = 0,
        settings: Settings | None = None,
        name: str = "",
        cores: Collection[int] = (),
    ) -> Outcome:
        """Train a candidate, or give what came of it before.

        Args:
            settings: key -> value, over the candidate's.
            name: of its folder, where it is not the candidate's.
            cores: that it may use; none: all.
        """
        settings = settings or {}
        workdir = self._workdir(name or candidate.name, part, seed, settings)
        kept = _kept(workdir)
        if kept.is_file():
            return Outcome(workdir, **json.loads(kept.read_text("utf-8")))
        began, score = time.monotonic(), None
        with self.budget.counted():
            try:
                self._run(candidate, part, seed, settings, workdir, cores)
                score = _score(workdir, part.scored, self.table)
            except (InputError, TrainingError) as error:  # tried again by the next call
                log.warning("%s: %s", candidate.name, error)
                return Outcome(workdir, time.monotonic() - began, why=str(error))
        seconds = round(time.monotonic() - began, 1)
        files.write_text(kept, json.dumps({"seconds": seconds, "score": score}) + "\n")
        said = "" if score is None else f" {score:.4f}"
        log.info("%s on %s:%s, %.0f s", workdir.name, part.name, said, seconds)
        return Outcome(workdir, seconds, score)

    def done(self, candidate: Candidate, part: Part, seed: int, settings: Settings) -> bool:
        """Say whether a training was done before, so that it costs no time."""
        return _kept(self._workdir(candidate.name, part, seed, settings)).is_file()

    def _workdir(self, name: str, part: Part, seed: int, settings: Settings) -> Path:
        steps = f"-{settings[STEPS]}-steps" if STEPS in settings else ""
        return self.output / part.name / f"{name}{steps}-{seed}"

    def _run(
        self,
        candidate: Candidate,
        part: Part,
        seed: int,
        settings: Settings,
        workdir: Path,
        cores: Collection[int],
    ) -> None:
        workdir.parent.mkdir(parents=True, exist_ok=True)
        config = workdir.with_name(f"{workdir.name}.yaml")
        self.table.config(candidate, part, seed, settings).write(config)
        device = self.table.asked.device
        training_process.train(config, workdir, device, check=self._check, cores=cores)

    def _check(self) -> None:
        """Keep the time that was spent, and end where somebody has asked all to."""
        self.budget.keep()
        self.cores.check()


def _kept(workdir: Path) -> Path:
    return workdir.with_name(f"{workdir.name}.{OUTCOME}")


def _score(workdir: Path, split: str, table: TableFolder) -> float | None:
    """Read the score of a split from a run's report, the mean over the tasks that have one."""
    report = json.loads((workdir / "report.json").read_text("utf-8")).get(split, {})
    return mean_over_tasks(report, table.metric)
