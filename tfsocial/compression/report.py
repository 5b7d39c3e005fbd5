"""What each step of a compression costs and saves, measured one after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsocial import files
from tfsocial.evaluation.contract import EvaluationSet
from tfsocial.metrics.scores import PRIMARY, scores
from tfsocial.serving import agreement
from tfsocial.serving.predictor import Predictions, Predictor

ASKED = 200  # texts, one by one, for the time of a single one
FILE = "compression"


class Measured(NamedTuple):
    """One form of the model on the texts it is judged by.

    Attributes:
        step: its name.
        megabytes: weights and vocabulary, on disk.
        milliseconds: median time of a single text.
        per_second: texts, many at once.
        score: mean over the tasks of accuracy, macro-F1 (several labels) or Pearson's r (numbers).
        same: least share among the tasks of the answers that the whole model gives too.
        ece: expected calibration error, the worst of the classifications; None without one.
    """

    step: str
    megabytes: float
    milliseconds: float
    per_second: float
    score: float
    same: float
    ece: float | None


def measure(
    step: str,
    predictor: Predictor,
    shipped: Iterable[Path],
    examples: EvaluationSet,
    whole: Predictions | None = None,
) -> tuple[Measured, Predictions]:
    """Measure one form.

    Args:
        shipped: the files that it needs.
        whole: what the model as it was says of the examples.
    """
    predictor.predict(examples.texts[:ASKED])  # what is compiled at first is compiled now
    times = [_timed(predictor, [text])[0] for text in examples.texts[:ASKED]]
    seconds, said = _timed(predictor, examples.texts)
    found = _scores(predictor, said, examples)
    errors = [numbers["ece"] for numbers in found.values() if "ece" in numbers]
    return Measured(
        step,
        sum(path.stat().st_size for path in shipped) / 1e6,
        1e3 * float(np.median(times)),
        len(examples) / seconds,
        _mean_score(predictor, found),
        agreement.between(predictor.manifest, whole or said, said).least,
        max(errors, default=None),
    ), said


def _timed(predictor: Predictor, texts: Sequence[tuple[str, ...]]) -> tuple[float, Predictions]:
    began = time.perf_counter()
    said = predictor.many(texts)
    return time.perf_counter() - began, said


def _scores(
    predictor: Predictor, said: Predictions, examples: EvaluationSet
) -> dict[str, dict[str, float]]:
    manifest = predictor.manifest
    return {
        task: scores(
            manifest.tasks[task],
            labels,
            said.tasks[task],
            thresholds=manifest.decision_thresholds(task),
        )
        for task, labels in examples.labels.items()
    }


def _mean_score(predictor: Predictor, found: Mapping[str, Mapping[str, float]]) -> float:
    kinds = {task: spec.kind for task, spec in predictor.manifest.tasks.items()}
    return float(np.mean([numbers[PRIMARY[kinds[task]]] for task, numbers in found.items()]))


def as_text(steps: Sequence[Measured], judged_on: str, texts: int) -> str:
    """Write the steps as a table.

    >>> step = Measured("as it was", 92.0, 8.0, 300.0, 0.935, 1.0, None)
    >>> print(as_text([step], "dev", 1000))
    compression, judged on dev (1000 texts)
                     MB  ms a text   texts/s    score    same      ECE
    as it was      92.0       8.00       300    93.50   100.0        -
    """
    lines = [
        f"compression, judged on {judged_on} ({texts} texts)",
        f"{'':12}{'MB':>7}{'ms a text':>11}{'texts/s':>10}{'score':>9}{'same':>8}{'ECE':>9}",
    ]
    for one in steps:
        ece = "-" if one.ece is None else f"{one.ece:.4f}"
        lines.append(
            f"{one.step:12}{one.megabytes:7.1f}{one.milliseconds:11.2f}{one.per_second:10.0f}"
            f"{100 * one.score:9.2f}{100 * one.same:8.1f}{ece:>9}"
        )
    return "\n".join(lines)


def write(folder: Path, about: Mapping[str, Any], steps: Sequence[Measured], text: str) -> None:
    """Write compression.json and compression.txt, each whole or not at all."""
    write_json(folder / f"{FILE}.json", {**about, "steps": [step._asdict() for step in steps]})
    files.write_text(folder / f"{FILE}.txt", text + "\n")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file of JSON, whole or not at all."""
    files.write_text(path, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
