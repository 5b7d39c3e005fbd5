"""Weigh a model: its answers to a labelled file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfsocial import folders
from tfsocial.api.use import Models, load_predictor

if TYPE_CHECKING:
    from tfsocial.data.reading.rows import BadRow
    from tfsocial.evaluation.contract import Findings
    from tfsocial.serving.predictor import Predictor


@dataclass(frozen=True)
class Evaluation:
    """What suites found in a model's answers to a file; prints as a report.

    Attributes:
        findings: suite -> its numbers, tables, pictures and advice.
        rows: examples that were scored.
        unreadable: rows that were left out.
    """

    findings: Mapping[str, Findings]
    rows: int
    unreadable: Sequence[BadRow] = ()

    def __str__(self) -> str:
        from tfsocial.evaluation import run

        return run.as_text(self.findings)


def evaluate(
    model: Models | Predictor,
    data: str | Path,
    *,
    suites: Sequence[str] = (),
    text: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    attributes: Sequence[str] = (),
    ood_labels: Mapping[str, str] | None = None,
    separator: str = "|",
    train: str | Path | None = None,
    dev: str | Path | None = None,
    output: str | Path | None = None,
) -> Evaluation:
    """Score a saved model, of a run or a SavedModel, on a labelled file.

    Args:
        model: of several `model/` folders the mean of their probabilities is scored.
        suites: quality, calibration, baselines, out_of_distribution, slices; none: all that what
            is given suffices for.
        text: text columns; none: those the model was trained on.
        labels: task -> its column; left out, the task's name or the column it was trained on.
        attributes: columns to slice by.
        ood_labels: task -> the label that means none of the others.
        separator: between the labels of one multilabel cell.
        train: file that baselines are fitted to.
        dev: file that the baselines' thresholds are fitted to.
        output: new folder for evaluation.json, .txt and pictures.

    Raises:
        InputError: no such suite, or a file cannot be read.
    """
    from tfsocial.evaluation import reading, run

    target = folders.new_folder("output", output) if output is not None else None
    predictor = load_predictor(model)
    manifest = predictor.manifest
    columns = reading.Columns(tuple(text), labels or {}, tuple(attributes), separator)
    examples, unreadable = reading.read(folders.existing("data", data), manifest, columns)
    without = reading.Columns(columns.text, columns.labels, (), columns.separator)
    fitted = [
        reading.read(folders.existing(name, path), manifest, without).examples if path else None
        for name, path in (("train", train), ("dev", dev))
    ]
    wanted = run.make_suites(suites, manifest, ood_labels or {}, attributes, *fitted)
    findings = run.evaluate(predictor, examples, wanted)
    if target is not None:
        about = {"model": _named(model), "data": str(data), "rows": len(examples)}
        run.write(findings, {**about, "unreadable": len(unreadable)}, target)
    return Evaluation(findings, len(examples), unreadable)


def _named(model: Models | Predictor) -> str | list[str]:
    """Say which model was scored: of an ensemble all its folders."""
    if isinstance(model, Sequence) and not isinstance(model, str):
        return [str(one) for one in model] if len(model) > 1 else str(model[0])
    return str(model)
