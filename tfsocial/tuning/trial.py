"""One trial: its values become configs, a training a seed, and a score."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfsocial.errors import InputError
from tfsocial.tuning import training_process
from tfsocial.tuning.asked import Asked
from tfsocial.tuning.lease import Lease
from tfsocial.tuning.study import LAST_RUNG, draw, optuna
from tfsocial.tuning.training_process import Curve, TrainingError

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import TrialState

log = logging.getLogger(__name__)

WHY, STEPS = "why", "steps"  # what a trial's record says besides


def folder(output: Path, number: int) -> Path:
    """Give a trial's folder."""
    return output / "trials" / f"{number:05d}"


def run_folder(output: Path, number: int, seed: int) -> Path:
    """Give the folder of one of its trainings."""
    return folder(output, number) / f"seed-{seed}"


class Work:
    """A trial that this process holds the lease of, from its first step or from where it was."""

    def __init__(self, trial: Trial, asked: Asked, output: Path, lease: Lease):
        self.trial, self.asked, self.output, self.lease = trial, asked, output, lease
        self.values = asked.space.values(draw(trial, asked.space))

    def do(self) -> None:
        """Train each seed that is left, and tell the study what came of it.

        Raises:
            LeaseLost: another worker has taken the trial up.
        """
        states = optuna().trial.TrialState
        scores: list[float] = []
        try:
            for seed in self.asked.seeds:
                score = self._score(seed, scores)
                if score is None:
                    return self._tell(states.PRUNED)
                scores.append(score)
                if self._is_pruned_after(scores):
                    return self._tell(states.PRUNED)
        except (InputError, TrainingError) as error:
            self.trial.set_user_attr(WHY, str(error))
            log.warning("trial %d: %s", self.trial.number, error)
            return self._tell(states.FAIL)
        return self._tell(states.COMPLETE, float(np.mean(scores)))

    def _score(self, seed: int, before: Sequence[float]) -> float | None:
        """Train a seed, unless that is done; None where the trial is pruned on the way."""
        workdir = run_folder(self.output, self.trial.number, seed)
        config = self.asked.config_of_trial(self.values, seed)
        if not (workdir / "report.json").is_file():
            workdir.parent.mkdir(parents=True, exist_ok=True)
            path = workdir.with_name(f"{workdir.name}.yaml")
            config.write(path)
            most_steps = config.training.max_steps

            def look(curve: Curve) -> bool:
                epochs: float = config.training.epochs
                if most_steps is not None:  # which may come before the epochs' end
                    epochs = min(epochs, most_steps / (curve.steps / len(curve.scores)))
                return not self._is_pruned(curve, epochs, before)

            if not training_process.train(path, workdir, self.asked.device, look, self.lease.check):
                return None
        self.lease.check()
        return training_process.final_score(workdir, config.training.monitor)

    def _is_pruned(self, curve: Curve, epochs: float, before: Sequence[float]) -> bool:
        """Report the score of an epoch; of later seeds the mean with those before."""
        if self.asked.pruner not in ("asha", "hyperband"):
            return False
        seeds = len(self.asked.seeds)
        done = (len(before) + min(1.0, len(curve.scores) / epochs)) / seeds
        score = float(np.mean([*before, max(curve.scores)]))
        # Who has come to the end is never ended early.
        return done < 1.0 and self._reported(score, int(done * LAST_RUNG))

    def _is_pruned_after(self, scores: Sequence[float]) -> bool:
        """Report the score of a seed to Wilcoxon's test, which compares trials seed by seed."""
        if self.asked.pruner != "wilcoxon" or len(scores) == len(self.asked.seeds):
            return False
        return self._reported(scores[-1], len(scores) - 1)

    def _reported(self, score: float, step: int) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a trial taken up again was here before
            self.trial.report(score, step)
        return self.trial.should_prune()

    def _tell(self, state: TrialState, score: float | None = None) -> None:
        self.lease.check()
        self.trial.set_user_attr(STEPS, self._steps())
        self.trial.study.tell(self.trial, score, state=state)
        said = "" if score is None else f", dev {score:.4f}"
        log.info("trial %d: %s%s", self.trial.number, state.name.lower(), said)

    def _steps(self) -> int:
        runs = [run_folder(self.output, self.trial.number, seed) for seed in self.asked.seeds]
        return sum(training_process.read_curve(run).steps for run in runs)
