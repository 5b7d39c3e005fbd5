"""The winner trained on all there is, several times, and what several of them make together."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import files
from tfsocial.composition import run as composition
from tfsocial.composition.asked import Asked as ToCompose
from tfsocial.errors import InputError
from tfsocial.evaluation import reading
from tfsocial.evaluation import run as evaluation
from tfsocial.fit.candidates import Candidate
from tfsocial.fit.table_folder import Part, TableFolder
from tfsocial.fit.trainings import Outcome, Trainings
from tfsocial.metrics.scores import mean_over_tasks
from tfsocial.serving.loading import load_ensemble

log = logging.getLogger(__name__)

SEEDS = (0, 1, 2)
RESERVE = 60.0  # seconds for what comes after training
WORTH = 0.005  # that an ensemble has to be ahead by, since it costs as many answers as members
ALONE, MEAN_OF_WEIGHTS, ENSEMBLE = "alone", "mean of weights", "ensemble"


@dataclass(frozen=True)
class Together:
    """How several trainings of one candidate score alone and together, on what they did not learn.

    Attributes:
        scores: way -> its mean score; alone is the members' mean.
    """

    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The way to take: together where that is no worse, all at once where it pays."""
        if not self.scores:
            return ALONE
        way, score = ALONE, self.scores[ALONE]
        if self.scores.get(MEAN_OF_WEIGHTS, 0.0) >= score:
            way, score = MEAN_OF_WEIGHTS, self.scores[MEAN_OF_WEIGHTS]
        return ENSEMBLE if self.scores.get(ENSEMBLE, 0.0) >= score + WORTH else way


def members(
    trainings: Trainings,
    candidate: Candidate,
    part: Part,
    settings: Mapping[str, Any],
    seconds_each: float,
    most: int = len(SEEDS),
) -> list[Outcome]:
    """Train a candidate with each seed, the first in any case, the others while time allows."""
    seeds = SEEDS[: most if candidate.moves else 1]
    first = trainings.train_all([(candidate, seeds[0], settings)], part)
    needed = max([seconds_each, *(one.seconds for one in first)])
    left = [seed for seed in seeds[1:] if not trainings.done(candidate, part, seed, settings)]
    rounds = -(-len(left) // len(trainings.cores.shares))
    if left and trainings.budget.left < rounds * needed + RESERVE:
        log.info("no time for another %s", candidate.name)
        seeds = seeds[:1]
    others = trainings.train_all([(candidate, seed, settings) for seed in seeds[1:]], part)
    return [one for one in (*first, *others) if not one.why]


def compare(
    trainings: Trainings, part: Part, outcomes: Sequence[Outcome], folder: Path
) -> dict[str, float]:
    """Score what several trainings make together on what they were scored by alone."""
    scores = [one.score for one in outcomes if one.score is not None]
    if len(scores) < 2 or len(scores) < len(outcomes):
        return {}
    scored = Path(part.splits[part.scored])
    found = {ALONE: float(np.mean(scores))}
    models = [one.model for one in outcomes]
    try:
        mean = mean_of_weights(outcomes, folder)
        found[MEAN_OF_WEIGHTS] = score(trainings, [mean], scored)
        found[ENSEMBLE] = score(trainings, models, scored)
    except InputError as error:
        log.warning("%s", error)
    shutil.rmtree(folder, ignore_errors=True)
    return found


def mean_of_weights(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """Average the weights of trainings, heads fitted anew; the folder of the model."""
    shutil.rmtree(folder, ignore_errors=True)  # of other trainings, or of a call that was killed
    runs = [(one.workdir, 1.0) for one in outcomes]
    return composition.compose(ToCompose(runs), folder).model


def score(trainings: Trainings, models: Sequence[Path], labelled: Path) -> float:
    """Score one model, or several as one, on a labelled file, the mean over the tasks."""
    numbers = quality(trainings.table, models, labelled)
    mean = mean_over_tasks(numbers, trainings.table.metric)
    if mean is None:
        raise InputError(f"{labelled}: has no {trainings.table.metric} to compare by")
    return mean


def quality(
    table: TableFolder, models: Sequence[Path], labelled: Path
) -> dict[str, dict[str, float]]:
    """Score one model, or several as one, on a file with the table's columns; task -> scores."""
    predictor = load_ensemble(list(models))
    examples, _ = reading.read(labelled, predictor.manifest, table.columns)
    suites = evaluation.make_suites(["quality"], predictor.manifest, {}, (), None, None)
    numbers = evaluation.evaluate(predictor, examples, suites)["quality"].numbers
    return {task: dict(values) for task, values in numbers.items()}


def final_model(way: str, outcomes: Sequence[Outcome], output: Path) -> list[Path]:
    """Make what is exported: `model/`, or, of an ensemble, its members' folders."""
    if way == ENSEMBLE:
        return [one.model for one in outcomes]
    if way == MEAN_OF_WEIGHTS and len(outcomes) > 1:
        mean_of_weights(outcomes, output / "mean-of-weights")
        source = output / "mean-of-weights" / "model"
    else:
        source = outcomes[0].model
    with files.swapping(output / "model") as partial:
        shutil.copytree(source, partial, dirs_exist_ok=True)
    return [output / "model"]
