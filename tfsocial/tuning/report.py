"""What a search found: as text, as JSON, as a page, and as the winner's config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import files
from tfsocial.tuning import page
from tfsocial.tuning.asked import Asked
from tfsocial.tuning.study import best_trial, optuna
from tfsocial.tuning.trial import STEPS, WHY, run_folder
from tfsocial.tuning.winners import Test

if TYPE_CHECKING:
    from optuna import Study

SHOWN = 10  # trials in the text
BEST = "best.yaml"
FEWEST = 10  # complete trials from which something can be said of the keys


@dataclass(frozen=True)
class Row:
    """A trial on record.

    Attributes:
        state: complete, pruned, fail or running.
        score: mean dev score over the seeds; of a pruned trial where it ended.
        drawn: key -> value, or the name of one.
        why: it failed.
    """

    number: int
    state: str
    score: float | None
    drawn: Mapping[str, Any]
    steps: int
    why: str = ""


@dataclass(frozen=True)
class Tuned:
    """What a search found; prints as its report.

    Attributes:
        best: number of the winner; None where no trial came to its end.
        importance: key -> its part in how far scores differ, summing to 1; empty of few trials.
        tests: of all winners there were, the last one last.
    """

    output: Path
    rows: Sequence[Row]
    best: int | None
    monitor: str
    seeds: Sequence[int]
    importance: Mapping[str, float]
    tests: Sequence[Test]

    @property
    def model(self) -> Path | None:
        """The winner's `model/` of the first seed."""
        if self.best is None:
            return None
        return run_folder(self.output, self.best, self.seeds[0]) / "model"

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def write(study: Study, asked: Asked, tests: Sequence[Test], output: Path) -> Tuned:
    """Write report.json, report.txt, report.html and best.yaml."""
    best = best_trial(study)
    tuned = Tuned(
        output,
        [_row(record) for record in study.get_trials(deepcopy=False)[: asked.trials]],
        best.number if best else None,
        asked.monitor,
        asked.seeds,
        _importance(study),
        tests,
    )
    values = {**asdict(tuned), "output": str(output), "tests": [one._asdict() for one in tests]}
    files.write_text(
        output / "report.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n"
    )
    files.write_text(output / "report.txt", f"{tuned}\n")
    files.write_text(output / "report.html", page.page(tuned, asked.space))
    if best:
        asked.winners_config(asked.space.values(best.params), asked.seeds[0]).write(output / BEST)
    return tuned


def _row(record: Any) -> Row:
    finished = record.value if record.value is not None else None
    last = (
        record.intermediate_values.get(record.last_step) if record.last_step is not None else None
    )
    return Row(
        record.number,
        record.state.name.lower(),
        finished if finished is not None else last,
        dict(record.params),
        record.user_attrs.get(STEPS, 0),
        record.user_attrs.get(WHY, ""),
    )


def _importance(study: Study) -> dict[str, float]:
    """Weigh the keys as Optuna does (PED-ANOVA, Watanabe et al. 2023, arXiv:2304.10255)."""
    complete = study.get_trials(deepcopy=False, states=(optuna().trial.TrialState.COMPLETE,))
    if len(complete) < FEWEST:
        return {}
    try:
        evaluator = optuna().importance.PedAnovaImportanceEvaluator()
        found = optuna().importance.get_param_importances(study, evaluator=evaluator)
    except (RuntimeError, ValueError):  # all alike
        return {}
    return {key: float(part) for key, part in found.items()}


# --- as text -------------------------------------------------------------------------------


def _lines(tuned: Tuned) -> list[str]:
    counts = {state: sum(row.state == state for row in tuned.rows) for state in _states(tuned)}
    many = ", ".join(f"{count} {state}" for state, count in counts.items())
    steps = sum(row.steps for row in tuned.rows)
    lines = [
        f"{len(tuned.rows)} trials ({many}), {steps} steps; dev {tuned.monitor}, mean of "
        f"{len(tuned.seeds)} seed{'s' * (len(tuned.seeds) > 1)}",
        "",
        *_best_first(tuned),
        *_failures(tuned),
    ]
    if tuned.importance:
        parts = ", ".join(f"{key} {part:.0%}" for key, part in tuned.importance.items())
        lines += ["", f"what mattered: {parts}"]
    return [*lines, *_tests(tuned), *_next(tuned)]


def _states(tuned: Tuned) -> list[str]:
    return list(dict.fromkeys(row.state for row in tuned.rows))


def _best_first(tuned: Tuned) -> list[str]:
    complete = [row for row in tuned.rows if row.state == "complete"]
    ordered = sorted(complete, key=lambda row: (-(row.score or 0.0), row.number))
    return [f"  {row.number:>5}  {row.score:.4f}  {_values(row)}" for row in ordered[:SHOWN]] or [
        "  no trial came to its end"
    ]


def _values(row: Row) -> str:
    return "  ".join(f"{key}={_short(value)}" for key, value in row.drawn.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _failures(tuned: Tuned) -> list[str]:
    failed = [row for row in tuned.rows if row.why]
    return ["", *(f"trial {row.number} failed: {row.why}" for row in failed)] if failed else []


def _tests(tuned: Tuned) -> list[str]:
    if not tuned.tests:
        return []
    last = tuned.tests[-1]
    tasks = next(iter(last.of_seeds.values()))
    scores = [
        f"{task} {tuned.monitor} {value:.4f}"
        for task in tasks
        if (value := last.mean(task, tuned.monitor)) is not None
    ]
    lines = ["", f"test, of trial {last.trial}: {', '.join(scores) or 'has no such score'}"]
    if len(tuned.tests) > 1:
        lines.append(f"test was scored for {len(tuned.tests)} winners, so it is no longer unseen")
    return lines


def _next(tuned: Tuned) -> list[str]:
    if tuned.best is None:
        return []
    return [
        "",
        f"winner: trial {tuned.best}, model {tuned.model}",
        f"its config: {tuned.output / BEST}",
    ]
