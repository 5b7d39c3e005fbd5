"""Which candidate is best on texts that it did not learn from, within a part of the minutes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tfsocial.fit.candidates import FROZEN, PLAIN, Candidate
from tfsocial.fit.speed import Speed
from tfsocial.fit.table_folder import Part
from tfsocial.fit.trainings import Outcome, Trainings

log = logging.getLogger(__name__)

SHARE = 0.6  # of the minutes
BEHIND = 2.0  # standard errors of the difference, from which a candidate is out of the race


@dataclass
class Race:
    """A candidate's results so far.

    Attributes:
        outcomes: a part each, in the order of the parts.
        settings: key -> value over the candidate's, the same on all parts.
        left_out: it fell behind.
    """

    candidate: Candidate
    outcomes: list[Outcome] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)
    left_out: bool = False

    @property
    def scores(self) -> np.ndarray:
        """Of the parts, NaN where one has none."""
        return np.array([np.nan if one.score is None else one.score for one in self.outcomes])

    @property
    def failed(self) -> str:
        """Why it is out of the race, if it failed."""
        return next((one.why for one in self.outcomes if one.why), "")

    @property
    def seconds(self) -> float:
        """Of all its trainings."""
        return sum(one.seconds for one in self.outcomes)

    @property
    def score(self) -> float:
        """Mean over the parts that have one; NaN where none has."""
        known = self.scores[np.isfinite(self.scores)]
        return float(np.mean(known)) if len(known) else float("nan")


def screen(
    trainings: Trainings, candidates: Sequence[Candidate], parts: Sequence[Part], speed: Speed
) -> list[Race]:
    """Train each candidate on each part, part by part, until the time for it is over.

    A candidate that falls behind, or fails, is left out of the parts that follow. The frozen
    encoder and L stay: whatever wins is compared with them. The very first training is done in any
    case, since something has to be there in the end.
    """
    races = [Race(candidate) for candidate in candidates]
    _train(trainings, races[:1], parts[0])
    _plan(trainings, races[1:], parts, speed)
    for number, part in enumerate(parts):
        fresh = [race for race in races if len(race.outcomes) == number and not race.failed]
        running = _in_the_race(fresh)
        planned_to_fit = number == 0 and speed.examples is not None
        if not planned_to_fit and not _has_time(trainings, running, races, part):
            log.info("the time for comparing is over")
            running = [
                race for race in running if _is_done(trainings, race, part)
            ]  # by a call before
            if not running:
                break
        _train(trainings, running, part)
    return races


def _train(trainings: Trainings, running: Sequence[Race], part: Part) -> None:
    jobs = [(race.candidate, 0, race.settings) for race in running]
    for race, outcome in zip(running, trainings.train_all(jobs, part), strict=True):
        race.outcomes.append(outcome)


def _plan(trainings: Trainings, races: Sequence[Race], parts: Sequence[Part], speed: Speed) -> None:
    """Share out what is left of the time for comparing, on two parts if there are several."""
    left = max(0.0, SHARE * trainings.budget.seconds - trainings.budget.spent)
    learning = sum(race.candidate.moves for race in races)
    each = left / max(1, learning * min(2, len(parts)))
    for race in races:
        race.settings = speed.settings(race.candidate, parts[0], each)


def _has_time(
    trainings: Trainings, running: Sequence[Race], races: Sequence[Race], part: Part
) -> bool:
    """Say whether trainings as long as their last, or as the longest so far, fit into the share.

    Those that an earlier call has done take no time.
    """
    budget, longest = trainings.budget, max(one.seconds for race in races for one in race.outcomes)
    left = [race for race in running if not _is_done(trainings, race, part)]
    expected = sum(race.outcomes[-1].seconds if race.outcomes else longest for race in left)
    return (
        not left or budget.spent + expected / len(trainings.cores.shares) <= SHARE * budget.seconds
    )


def _is_done(trainings: Trainings, race: Race, part: Part) -> bool:
    return trainings.done(race.candidate, part, 0, race.settings)


def _in_the_race(races: Sequence[Race]) -> list[Race]:
    """Leave out who is behind."""
    scored = [race for race in races if np.isfinite(race.score)]
    best = max(scored, key=lambda race: race.score, default=None)
    for race in races:
        if best and race.candidate.name not in (FROZEN, PLAIN) and _is_behind(race, best):
            log.info("%s is behind and left out", race.candidate.name)
            race.left_out = True
    return [race for race in races if not race.left_out]


def _is_behind(race: Race, best: Race) -> bool:
    """Tell whether a candidate has lost to the best by more than parts differ by chance."""
    lead, error = _lead(best, race)
    return lead > BEHIND * error and lead > 0.0


def _lead(one: Race, other: Race) -> tuple[float, float]:
    """Give how far one is ahead of another on the parts both have, and that number's error.

    Of a single part nobody knows the error: infinite.
    """
    count = min(len(one.scores), len(other.scores))
    ahead = one.scores[:count] - other.scores[:count]
    ahead = ahead[np.isfinite(ahead)]
    if len(ahead) < 2:
        return float(ahead.sum()), float("inf")
    return float(ahead.mean()), float(ahead.std(ddof=1) / np.sqrt(len(ahead)))


def winner(races: Sequence[Race], favourite: str) -> Race:
    """Give the best on the parts that all who are compared have.

    The favourite is what `init` would take, whose worth was measured on many sets; folds of a small
    table differ by chance. So it stays unless another is ahead by more than that.
    """
    sound = [race for race in races if np.isfinite(race.score)]
    compared = [race for race in sound if not (race.left_out or race.failed)] or sound
    parts = min(len(race.scores) for race in compared)
    best = max(compared, key=lambda race: float(np.nanmean(race.scores[:parts])))
    expected = next((race for race in compared if race.candidate.name == favourite), None)
    if expected is None:
        return best
    lead, error = _lead(best, expected)
    return best if lead > error or parts == 1 else expected
