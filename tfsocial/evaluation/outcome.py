"""What came of a run: how dev is judged while it trains, and its report when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsocial import files
from tfsocial.config import Config, Task
from tfsocial.data import pipeline
from tfsocial.data.batch import Shape
from tfsocial.data.sources import Examples
from tfsocial.evaluation import baselines, figures, report
from tfsocial.models import card, checkpoints, inference
from tfsocial.models.heads import HeadSpec
from tfsocial.training.fit import Run

REPORTED = ("dev", "test")


@dataclass(frozen=True)
class Judge:
    """`training.watch.Judge`: scores of the tasks of a config."""

    tasks: Mapping[str, Task]

    def scores(
        self, task: str, spec: HeadSpec, labels: np.ndarray, predictions: np.ndarray
    ) -> Mapping[str, float]:
        thresholds = self.thresholds(spec, labels, predictions)
        return report.scores(spec, labels, predictions, self.tasks[task].ood_label, thresholds)

    def thresholds(
        self, spec: HeadSpec, labels: np.ndarray, predictions: np.ndarray
    ) -> np.ndarray | None:
        """The decision thresholds [labels] that suit these rows best; for multilabel tasks."""
        return report.tune_thresholds(labels, predictions) if spec.kind == "multilabel" else None


def conclude(run: Run, config: Config, workdir: Path) -> str:
    """Reports dev and test of the saved model; writes report.json, report.txt, the card, pictures.

    The numbers are those of `model/` as it was saved, in float32, whatever precision trained it;
    without any task they are the formula's, as training computed them.

    Returns:
        The report as text.
    """
    reports = {split: _reported(run, config, split) for split in REPORTED if split in run.encoded}
    report.write(reports, workdir)
    about = card.text(config, run.loaded.manifest.tasks, run.resources, reports)
    with files.replacing(workdir / "model" / checkpoints.CARD) as partial:
        partial.write_text(about, encoding="utf-8")
    flat = {
        f"{split}/{task}/{name}": value
        for split, tasks in reports.items()
        for task, found in tasks.items()
        for name, value in found.items()
        if isinstance(value, float)
    }
    run.curves.hparams(config, flat)
    return (workdir / "report.txt").read_text(encoding="utf-8")


def _reported(run: Run, config: Config, split: str) -> dict[str, report.Report]:
    """Each task's report on a split; the formula's own numbers where there is no task."""
    if not run.loaded.manifest.tasks:
        count = len(run.corpus.splits[split])
        return {"formula": {"kind": "formula", "count": count, **run.losses[split]}}
    predictions = _predictions(run, split)
    _draw(run, split, predictions)
    return _split_reports(run, config, split, predictions)


def _split_reports(
    run: Run, config: Config, split: str, predictions: Mapping[str, np.ndarray]
) -> dict[str, report.Report]:
    manifest, examples = run.loaded.manifest, run.corpus.splits[split]
    result = {}
    for name, spec in manifest.tasks.items():
        out_of_scope = config.tasks[name].ood_label
        beside = _baselines(run, name, split, out_of_scope) if config.report.baselines else None
        thresholds = manifest.thresholds.get(name)
        result[name] = report.report(
            spec,
            examples.labels[name],
            predictions[name],
            out_of_scope,
            None if thresholds is None else np.array(thresholds),
            beside,
        )
    return result


def _baselines(run: Run, task: str, split: str, out_of_scope: str | None):
    train, rows = run.corpus.splits["train"], run.corpus.splits[split]
    return baselines.compare(
        run.loaded.manifest.tasks[task],
        baselines.Labelled(_joined(train), train.labels[task]),
        baselines.Labelled(_joined(rows), rows.labels[task]),
        out_of_scope,
    )


def _joined(examples: Examples) -> list[str]:
    if examples.pair is None:
        return examples.text
    return [f"{text} {pair}" for text, pair in zip(examples.text, examples.pair, strict=True)]


def _predictions(run: Run, split: str) -> dict[str, np.ndarray]:
    manifest = run.loaded.manifest
    shape = Shape(8, manifest.row_length, manifest.slots)
    batches = pipeline.evaluation_batches(run.encoded[split], shape)
    return inference.predict(run.loaded.model, batches)


def _draw(run: Run, split: str, predictions: Mapping[str, np.ndarray]) -> None:
    """Confusion matrix and reliability of each classification, into TensorBoard."""
    for task, spec in run.loaded.manifest.tasks.items():
        labels = run.corpus.splits[split].labels[task]
        if spec.kind == "classify" and (labels >= 0).any():
            chosen = predictions[task].argmax(-1)
            pictures = {
                "confusion": figures.confusion_matrix(labels, chosen, spec.labels),
                "reliability": figures.reliability(labels, predictions[task]),
            }
            run.curves.images(f"{split}/{task}", run.steps, pictures)
