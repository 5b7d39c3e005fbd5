"""From a table to an exported model: all of `tfsocial fit`, top to bottom."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import files
from tfsocial.errors import InputError
from tfsocial.fit import cores, finalists, screening, speed, table_folder
from tfsocial.fit.asked import UNSAID, Asked
from tfsocial.fit.budget import Budget
from tfsocial.fit.candidates import Candidate, candidates, favourite
from tfsocial.fit.leaderboard import Fit, Row
from tfsocial.fit.screening import Race
from tfsocial.fit.table_folder import Part, TableFolder
from tfsocial.fit.trainings import Outcome, Trainings
from tfsocial.init import table as tables
from tfsocial.provenance.resources import checkpoint_digest
from tfsocial.serving.export import publish
from tfsocial.tuning.training_process import stopped_by_sigterm

log = logging.getLogger(__name__)

TRIED_TOGETHER = 2  # parts on which several trainings are put together, where parts are folds


def fit(asked: Asked, output: Path) -> Fit:
    """Make the best model of a table that some minutes allow, and export it.

    Called again after it was killed it goes on, with the minutes that are left.

    Raises:
        InputError: the table cannot be read or used, `output` holds another table's model, or
            nothing could be trained.
    """
    output.mkdir(parents=True, exist_ok=True)
    _check_plan(asked, output)
    budget = Budget(output / "spent.json", 60 * asked.minutes)
    with stopped_by_sigterm(), budget.counted():
        table = table_folder.prepare(asked, output)
        _check_test(table)
        trainings = Trainings(table, output / "trainings", budget, cores.of_machine(asked.device))
        return _fitted(trainings, output)


def _fitted(trainings: Trainings, output: Path) -> Fit:
    table = trainings.table
    parts, listed = table.parts(), candidates(table.written, table.encoder_layers)
    log.info("candidates: %s", ", ".join(one.name for one in listed))
    pace = speed.measure(trainings, {one.name: one for one in listed}, parts[0])
    races = screening.screen(trainings, listed, parts, pace)
    if not any(np.isfinite(race.score) for race in races):
        why = "; ".join(f"{race.candidate.name}: {race.failed}" for race in races if race.failed)
        raise InputError(f"--data={table.asked.data}: no candidate could be trained; {why}")
    best = screening.winner(races, favourite(table.written))
    together, outcomes = _finalists(trainings, best, parts, pace)
    models = finalists.final_model(together.best, outcomes, output)
    version = _served(models, output)
    return _concluded(table, races, best, together, outcomes, models, version, trainings.budget)


def _check_plan(asked: Asked, output: Path) -> None:
    """Write down what is fitted, or refuse an output that has another table's."""
    plan: dict[str, Any] = {
        "data": hashlib.sha256(asked.data.read_bytes()).hexdigest(),
        "text": list(asked.text),
        "labels": list(asked.labels),
        "model": asked.model.model_dump(mode="json"),
        "licence": asked.licence_settings,
        "overrides": list(asked.overrides),
    }
    path = output / "plan.json"
    if path.is_file() and json.loads(path.read_text("utf-8")) != plan:
        raise InputError(
            f"--output={output}: holds what was made of another table or of other "
            "settings; name a new folder"
        )
    if not path.is_file() and any(output.iterdir()):
        raise InputError(f"--output={output}: holds files already; name a new folder")
    files.write_text(path, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")


def _check_test(table: TableFolder) -> None:
    """Refuse a test that cannot be scored before hours are spent on what it would score."""
    asked, columns = table.asked, table.columns
    if asked.test is None:
        return
    there = tables.read(asked.test).columns
    for name in (*columns.text, *columns.labels.values()):
        if name not in there:
            raise InputError(f"--test={asked.test}: has no column {name}, as the table has")


def _served(models: Sequence[Path], output: Path) -> Path:
    """Export the model, unless these very weights were; the folder of the version."""
    digests = [checkpoint_digest(model) for model in models]
    kept = output / "served.json"
    if kept.is_file():
        last = json.loads(kept.read_text("utf-8"))
        if last["models"] == digests and Path(last["version"]).is_dir():
            return Path(last["version"])
    version = publish.publish(models, output / "served", None, "saved_model", [], 0.0)
    files.write_text(kept, json.dumps({"models": digests, "version": str(version)}) + "\n")
    return version


def _finalists(
    trainings: Trainings, best: Race, parts: Sequence[Part], pace: speed.Speed
) -> tuple[finalists.Together, list[Outcome]]:
    """Train the winner on all there is; see whether several of it are better together."""
    candidate, table = best.candidate, trainings.table
    whole, budget = table.whole(), trainings.budget
    each = max(one.seconds for one in best.outcomes)
    each *= whole.rows / parts[0].rows
    settings = _final_settings(trainings, candidate, whole, pace, each)
    if table.crossed:
        needed = 2 * TRIED_TOGETHER * each + 3 * each + finalists.RESERVE
        did = all(
            trainings.done(candidate, part, seed, best.settings)
            for part in parts[:TRIED_TOGETHER]
            for seed in finalists.SEEDS
        )
        tried = candidate.moves and (did or budget.left > needed)
        together = _on_folds(trainings, best, parts, each) if tried else finalists.Together()
        most = 1 if together.best == finalists.ALONE else len(finalists.SEEDS)
        return together, _trained(trainings, candidate, whole, settings, each, most)
    outcomes = _trained(trainings, candidate, whole, settings, each)
    scores = finalists.compare(trainings, whole, outcomes, trainings.output / "together")
    together = finalists.Together(scores)
    return together, outcomes


def _final_settings(
    trainings: Trainings, candidate: Candidate, whole: Part, pace: speed.Speed, each: float
) -> dict[str, Any]:
    """Plan the last training once: a call that goes on has less time left."""
    kept = trainings.output / f"{candidate.name}.plan.json"
    if not kept.is_file():
        seconds = max(each, trainings.budget.left / 2 - finalists.RESERVE)
        files.write_text(kept, json.dumps(pace.settings(candidate, whole, seconds)) + "\n")
    return json.loads(kept.read_text("utf-8"))


def _on_folds(
    trainings: Trainings, best: Race, parts: Sequence[Part], each: float
) -> finalists.Together:
    """Put trainings of two folds together, and take the mean of what that comes to."""
    found = []
    for part in parts[:TRIED_TOGETHER]:
        outcomes = finalists.members(trainings, best.candidate, part, best.settings, each)
        scores = finalists.compare(trainings, part, outcomes, trainings.output / "together")
        if scores:
            found.append(scores)
    if not found:
        return finalists.Together()
    ways = [way for way in found[0] if all(way in one for one in found)]
    return finalists.Together({way: float(np.mean([one[way] for one in found])) for way in ways})


def _trained(
    trainings: Trainings,
    candidate: Candidate,
    part: Part,
    settings: dict[str, Any],
    each: float,
    most: int = len(finalists.SEEDS),
) -> list[Outcome]:
    outcomes = finalists.members(trainings, candidate, part, settings, each, most)
    if not outcomes:
        raise InputError(
            f"{candidate.name} could not be trained on all of the table; see "
            f"{trainings.output / part.name}"
        )
    return outcomes


def _concluded(
    table: TableFolder,
    races: Sequence[Race],
    best: Race,
    together: finalists.Together,
    outcomes: Sequence[Outcome],
    models: Sequence[Path],
    version: Path,
    budget: Budget,
) -> Fit:
    asked, output = table.asked, version.parents[1]
    scored_on = (
        f"{len(table.parts())} folds of {table.written.rows['train']} rows, each by a training "
        "without it"
        if table.crossed
        else f"{table.written.rows['dev']} rows of dev"
    )
    rows = [_row(race) for race in races]
    result = Fit(
        output,
        table.metric,
        scored_on,
        sorted(rows, key=lambda row: (row.parts == 0, -row.parts, -(row.score or 0.0))),
        best.candidate.name,
        len(outcomes),
        together.scores,
        together.best if len(outcomes) > 1 else finalists.ALONE,
        models,
        version,
        finalists.quality(table, models, asked.test) if asked.test else {},
        budget.spent / 60,
        _notes(table),
    )
    result.write()
    return result


def _row(race: Race) -> Row:
    scores = race.scores
    model = race.outcomes[-1].model / "model.safetensors" if race.outcomes else None
    return Row(
        race.candidate.name,
        race.candidate.about,
        race.score if np.isfinite(race.score) else None,
        float(np.nanmin(scores)) if np.isfinite(race.score) else None,
        float(np.nanmax(scores)) if np.isfinite(race.score) else None,
        len(scores),
        race.seconds / max(1, len(race.outcomes)),
        model.stat().st_size / 1e6 if model and model.is_file() else None,
        race.failed,
    )


def _notes(table: TableFolder) -> list[str]:
    asked = table.asked
    notes = [
        "scores of candidates are a little too good for the one that was taken, since it was taken "
        "by them; --test=FILE scores it on texts that had no say"
    ]
    if asked.licence_settings.get("licence_ack") == UNSAID:
        notes.append(
            "nobody said whose texts these are; the model's card says so. --licence or "
            "--licence_ack says it"
        )
    return notes
