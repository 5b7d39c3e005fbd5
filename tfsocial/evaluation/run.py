"""Suites over one model and one file, as text and as files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsocial import files
from tfsocial.errors import InputError, nearest
from tfsocial.evaluation.answers import AnsweringOnce
from tfsocial.evaluation.contract import EvaluationSet, Findings, Manifest, Predictor, Suite
from tfsocial.evaluation.suites.baselines import Baselines
from tfsocial.evaluation.suites.out_of_distribution import OutOfDistribution
from tfsocial.evaluation.suites.quality import Quality
from tfsocial.evaluation.suites.slices import Slices
from tfsocial.evaluation.table import suite

MOST_ROWS = 30  # of a table in the text; evaluation.json has all


def make_suites(
    names: Sequence[str],
    manifest: Manifest,
    ood_labels: Mapping[str, str],
    attributes: Sequence[str],
    train: EvaluationSet | None,
    dev: EvaluationSet | None,
) -> dict[str, Suite]:
    """Make the suites named, with what was given for them; none named: all that can say anything.

    Raises:
        InputError: no such suite, or `ood_labels` names no task or label of the model.
    """
    for task, label in ood_labels.items():
        _check_label(manifest, task, label)
    fitted = {"train": train, "dev": dev}
    settings: dict[Callable[..., Suite], dict[str, Any]] = {
        Quality: {"ood_labels": ood_labels},
        OutOfDistribution: {"ood_labels": ood_labels},
        Slices: {"attributes": tuple(attributes)},
        Baselines: {name: read for name, read in fitted.items() if read is not None},
    }
    wanted = names or _default(bool(ood_labels), bool(attributes), train is not None)
    kinds = {name: suite(name) for name in wanted}
    return {name: kind(**settings.get(kind, {})) for name, kind in kinds.items()}


def _default(ood_labels: bool, attributes: bool, train: bool) -> list[str]:
    optional = {"out_of_distribution": ood_labels, "slices": attributes, "baselines": train}
    return ["quality", "calibration", *(name for name, wanted in optional.items() if wanted)]


def _check_label(manifest: Manifest, task: str, label: str) -> None:
    flag = f"--ood_label={task}:{label}"
    if task not in manifest.tasks:
        known = nearest(task, list(manifest.tasks))
        raise InputError(f"{flag}: the model has no task {task!r}; {known}")
    spec = manifest.tasks[task]
    if spec.kind != "classify" or label not in spec.labels:
        known = nearest(label, spec.labels) if spec.kind == "classify" else "it is no classify task"
        raise InputError(f"{flag}: {label!r} is no label of task {task}; {known}")


def evaluate(
    predictor: Predictor, examples: EvaluationSet, suites: Mapping[str, Suite]
) -> dict[str, Findings]:
    """Run every suite on the same answers; suite -> its findings."""
    once = AnsweringOnce(predictor)
    return {name: suite(once, examples) for name, suite in suites.items()}


def as_text(findings: Mapping[str, Findings]) -> str:
    """Write the findings for a terminal, a section a suite."""
    return "\n".join("\n".join(_section(name, one)) for name, one in findings.items())


def _section(name: str, findings: Findings) -> list[str]:
    lines = [name, "=" * len(name)]
    for task, numbers in findings.numbers.items():
        lines += [f"{task}: {key} {_cell(value)}" for key, value in numbers.items()]
    for title, rows in findings.tables.items():
        lines += ["", title, *_table(rows)] if rows else []
    lines += ["", *(f"* {sentence}" for sentence in findings.advice)] if findings.advice else []
    return [*lines, ""]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    header = list(rows[0])
    cells = [header, *([_cell(row.get(key, "")) for key in header] for row in rows[:MOST_ROWS])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return lines + ([f"  ({len(rows) - MOST_ROWS} more)"] if len(rows) > MOST_ROWS else [])


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(findings: Mapping[str, Findings], about: Mapping[str, Any], folder: Path) -> None:
    """Write evaluation.json, evaluation.txt and each picture as png, each whole or not at all.

    Args:
        about: what was evaluated; stands at the head of evaluation.json.
    """
    from matplotlib import image

    tree = {**about, "suites": {name: one.as_json() for name, one in findings.items()}}
    text = json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False)
    for name, content in (("evaluation.json", f"{text}\n"), ("evaluation.txt", as_text(findings))):
        files.write_text(folder / name, content)
    for name, one in findings.items():
        for title, picture in one.pictures.items():
            with files.replacing(folder / picture_file(name, title)) as partial:
                image.imsave(partial, picture, format="png")


def picture_file(suite: str, title: str) -> str:
    """Name a picture's file; a task may be called as no file can be.

    >>> picture_file("quality", "mood/confusion")
    'quality-mood-confusion.png'
    """
    return re.sub(r"[^\w-]+", "-", f"{suite}-{title}") + ".png"
