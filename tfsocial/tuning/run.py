"""A worker of a search: trials are taken up, or begun, until the study has as many as asked for."""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tfsocial import files
from tfsocial.errors import InputError
from tfsocial.tuning import lease as leases
from tfsocial.tuning import report, winners
from tfsocial.tuning.asked import Asked
from tfsocial.tuning.lease import LeaseLost, locked
from tfsocial.tuning.report import Tuned
from tfsocial.tuning.study import begin, best_of, give_up, open_study, optuna, take_up
from tfsocial.tuning.training_process import stopped_by_sigterm
from tfsocial.tuning.trial import Work, folder, run_folder

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)

PLAN = "plan"  # of a study, what is searched
OUTPUT_ID = "output"  # of the folder in which a trial is worked on; several may share a database
WAIT = 2.0  # seconds between two looks at what others do
SAY_EVERY = 60.0  # seconds


def tune(asked: Asked, output: Path) -> Tuned:
    """Search until the study has as many trials as asked for, and report.

    The same call in other processes, or on other machines that see `output`, shares the work.

    Raises:
        InputError: the config, the space or the storage is wrong; or `output` has another search.
    """
    asked = asked.resolved()
    asked.config()
    asked.space.check(asked.files, asked.overrides)
    output.mkdir(parents=True, exist_ok=True)
    with locked(output):
        _check_plan(output, asked)
        study = open_study(asked, output)
        _check_study(study, asked)
    worker = Worker(study, asked, output)
    with stopped_by_sigterm():
        worker.work()
    with locked(output):
        tuned = report.write(study, asked, [], output)  # there whatever becomes of test
        if asked.score_test and (tests := winners.score(study, asked, output)):
            tuned = report.write(study, asked, tests, output)
        return tuned


def _check_plan(output: Path, asked: Asked) -> None:
    """Write down what is searched, or refuse an output that has another search."""
    path, plan = output / "plan.json", asked.as_json()
    if path.is_file() and json.loads(path.read_text("utf-8")) != plan:
        raise InputError(f"--output={output}: holds another search; name a new folder")
    files.write_text(path, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")
    if not (output / "id").is_file():
        files.write_text(output / "id", secrets.token_hex(8))


def _check_study(study: Study, asked: Asked) -> None:
    """Let a study on a database be one search, whatever outputs its machines have."""
    plan = asked.as_json()
    if study.user_attrs.get(PLAN, plan) != plan:
        raise InputError(
            f"--study={asked.name}: is another search on this storage; name another one"
        )
    study.set_user_attr(PLAN, plan)


class Worker:
    """Takes trials until none is left."""

    def __init__(self, study: Study, asked: Asked, output: Path):
        self.study, self.asked, self.output = study, asked, output
        self.id = (output / "id").read_text("utf-8")
        self._said = time.monotonic()

    def work(self) -> None:
        """Work on trials until all that were asked for are over."""
        while True:
            with locked(self.output):
                work = self._next()
            if work:
                self._do(work)
            elif others := self._others():
                self._say(others)
                time.sleep(WAIT)
            else:
                return

    def _do(self, work: Work) -> None:
        try:
            work.do()
        except LeaseLost as error:
            log.warning("trial %d: %s", work.trial.number, error)
        finally:
            work.lease.release()
        with locked(self.output):
            self._tidy()

    def _next(self) -> Work | None:
        """Take up a trial that nobody works on any more, or begin one."""
        for record in self._running():
            if lease := self._take(record):
                log.info("trial %d: goes on where it was", record.number)
                trial = take_up(self.study, record)
                return Work(trial, self.asked, self.output, lease)
        if len(self.study.get_trials(deepcopy=False)) >= self.asked.trials:
            return None
        trial = begin(self.study, {OUTPUT_ID: self.id})
        if trial.number >= self.asked.trials:  # a machine without this folder was quicker
            give_up(self.study, trial)
            return None
        lease = leases.take(folder(self.output, trial.number), self.asked.lease_seconds)
        assert lease, "a new trial has no lease yet"
        return Work(trial, self.asked, self.output, lease)

    def _take(self, record: FrozenTrial) -> leases.Lease | None:
        return leases.take(folder(self.output, record.number), self.asked.lease_seconds)

    def _running(self) -> list[FrozenTrial]:
        """List trials of this output that are not over."""
        state = optuna().trial.TrialState.RUNNING
        records = self.study.get_trials(deepcopy=False, states=(state,))
        return [one for one in records if one.user_attrs[OUTPUT_ID] == self.id]

    def _others(self) -> list[str]:
        return [
            f"{record.number} ({leases.holder(folder(self.output, record.number))})"
            for record in self._running()
        ]

    def _say(self, others: list[str]) -> None:
        if time.monotonic() - self._said > SAY_EVERY:
            self._said = time.monotonic()
            log.info("waiting for trials of other workers: %s", ", ".join(others))

    def _tidy(self) -> None:
        """Remove what finished trials need no more: a hundred megabytes a seed."""
        records = self.study.get_trials(deepcopy=False)
        best = best_of(records)  # of the very same, or one that wins in between would lose all
        for record in records:
            if record.state.is_finished():
                for seed in self.asked.seeds:
                    run = run_folder(self.output, record.number, seed)
                    shutil.rmtree(run / "checkpoints", ignore_errors=True)
                    if not best or record.number != best.number:
                        shutil.rmtree(run / "model", ignore_errors=True)
