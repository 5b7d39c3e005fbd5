"""The winner's score on test: read once for each winner there was."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tfsocial import files
from tfsocial.tuning.asked import Asked
from tfsocial.tuning.study import best_trial, optuna
from tfsocial.tuning.trial import run_folder

if TYPE_CHECKING:
    from optuna import Study

log = logging.getLogger(__name__)

FOLDER = "winners"


class Test(NamedTuple):
    """What test says of a winner.

    Attributes:
        of_seeds: seed -> task -> its report.
    """

    trial: int
    of_seeds: Mapping[str, Mapping[str, Any]]

    def mean(self, task: str, metric: str) -> float | None:
        """Average a metric of a task over the seeds; None where it has none."""
        values = [tasks[task].get(metric) for tasks in self.of_seeds.values()]
        numbers = [value for value in values if value is not None]
        return float(np.mean(numbers)) if numbers else None


def score(study: Study, asked: Asked, output: Path) -> list[Test]:
    """Score the winner on test, unless that was done; give all winners' scores, the last one last.

    Where trials still go on elsewhere, or the winner's weights lie elsewhere, nothing is read.
    """
    best = best_trial(study)
    running = study.get_trials(deepcopy=False, states=(optuna().trial.TrialState.RUNNING,))
    if best is None or not _has_test(asked):
        return []
    path = output / FOLDER / f"{best.number:05d}.json"
    if running or not run_folder(output, best.number, asked.seeds[0]).is_dir():
        log.info("test is scored by the last worker, where the winner's weights are")
    elif not path.is_file():
        path.parent.mkdir(exist_ok=True)
        values = asked.space.values(best.params)
        seeds = {
            str(seed): _report(asked, values, output, best.number, seed) for seed in asked.seeds
        }
        files.write_text(path, json.dumps(seeds, indent=1, ensure_ascii=False) + "\n")
    return _all(output, best.number)


def _has_test(asked: Asked) -> bool:
    return any(source.splits.test for source in asked.config().data.sources.values())


def _report(
    asked: Asked, values: dict[str, Any], output: Path, number: int, seed: int
) -> Mapping[str, Any]:
    from tfsocial.runs import report  # TensorFlow, which a worker has no other need of

    model = run_folder(output, number, seed) / "model"
    config = asked.winners_config({**values, "report.baselines": False}, seed)
    return report.of_split(model, config, "test")


def _all(output: Path, last: int) -> list[Test]:
    paths = sorted((output / FOLDER).glob("*.json"), key=lambda path: int(path.stem) == last)
    return [Test(int(path.stem), json.loads(path.read_text("utf-8"))) for path in paths]
