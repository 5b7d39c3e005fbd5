"""What came of a run: report.json, report.txt, the model card and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfsocial import files
from tfsocial.checkpoints import locations, model_folder
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.config import Config
from tfsocial.data import corpus
from tfsocial.data.examples import Corpus, Examples
from tfsocial.data.pipeline import batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, tokenize_split
from tfsocial.metrics import baselines, pictures
from tfsocial.metrics.thresholds import cross_fit_thresholds
from tfsocial.models import features, inference
from tfsocial.runs import label_worth, model_card, report_text
from tfsocial.runs.task_report import Report, plain, task_report
from tfsocial.runs.train import Run
from tfsocial.text.batch import Shape

REPORTED = ("dev", "test")
Predictions = Mapping[str, Mapping[str, np.ndarray]]  # split -> task -> [n, width]


def conclude(run: Run, config: Config, workdir: Path) -> str:
    """Report dev and test of the saved model; write report.json, report.txt, the card, pictures.

    The numbers are those of `model/` as it was saved, in float32, whatever precision trained it;
    without any task they are the formula's, as training computed them.

    Returns:
        The report as text.
    """
    splits = [split for split in REPORTED if split in run.encoded]
    has_tasks = bool(run.loaded.manifest.tasks)
    reports = _scored(run, config, splits) if has_tasks else _of_formula(run, splits)
    worth = label_worth.of(
        config,
        run.loaded.manifest.tasks,
        run.corpus.splits["train"],
        run.loaded.manifest.row_length,
    )
    for of_tasks in reports.values():
        for task, found in worth.items():
            of_tasks[task]["more_labels"] = found
    ends = [line for task, found in worth.items() for line in label_worth.lines(task, found)]
    report_text.write(reports, workdir, ends)
    about = model_card.text(config, run.loaded.manifest.tasks, run.resources, reports)
    files.write_text(workdir / "model" / locations.CARD, about)
    scores = _flat(reports)
    run.metrics_logger.hparams(_knobs(config), scores)
    run.trackers.conclude(scores, workdir)
    return (workdir / "report.txt").read_text(encoding="utf-8")


def _knobs(config: Config) -> dict[str, str | float]:
    """List the knobs that a search would turn."""
    optimizer, objectives = config.optimizer, config.objectives
    weights = {**objectives.community, **objectives.papers}
    return {
        "optimizer": optimizer.name,
        "learning_rate": optimizer.learning_rate,
        "weight_decay": optimizer.weight_decay,
        "epochs": config.training.epochs,
        "rows": config.data.rows,
        "seed": config.seed,
        "checkpoint": config.model.checkpoint,
        **{f"weight/{name}": str(entry.weight) for name, entry in weights.items()},
    }


def _flat(reports: Mapping[str, Mapping[str, Report]]) -> dict[str, float]:
    return {
        f"{split}/{task}/{name}": value
        for split, tasks in reports.items()
        for task, report in tasks.items()
        for name, value in report.items()
        if isinstance(value, float)
    }


def _of_formula(run: Run, splits: list[str]) -> dict[str, dict[str, Report]]:
    """Report the formula's own numbers, where no task has any."""
    return {
        split: {
            "formula": {
                "kind": "formula",
                "count": len(run.corpus.splits[split]),
                **run.losses[split],
            }
        }
        for split in splits
    }


def of_split(model: Path, config: Config, split: str) -> dict[str, Report]:
    """Report a saved model on a split that its run did not read; task -> its report.

    Args:
        config: of its run, with the split among `data.splits`. Baselines that it asks for have no
            dev to fit thresholds to.

    Raises:
        InputError: the data cannot be read.
    """
    loaded = model_folder.load(model)
    read = corpus.load_corpus(config.data, config.tasks, config.seed)
    length = loaded.manifest.row_length
    beside = features.vectors(loaded.manifest.features, read.splits[split])
    encoded = {
        split: tokenize_split(read.splits[split], loaded.tokenizer, length, feature_vectors=beside)
    }
    reports = _scored(_Saved(loaded, read, encoded), config, [split])[split]
    return plain(reports)


class _Saved(NamedTuple):
    """What a report is made of: a saved model, and texts for it."""

    loaded: TextModelBundle
    corpus: Corpus
    encoded: Mapping[str, TokenizedSplit]


def _scored(run: Run | _Saved, config: Config, splits: list[str]) -> dict[str, dict[str, Report]]:
    """Report each task on each split: split -> task -> its report."""
    predictions = {split: _predict(run, split) for split in splits}
    if isinstance(run, Run):
        for split, predicted in predictions.items():
            _draw(run, split, predicted)
    by_task = {
        task: _task_reports(run, config, task, predictions) for task in run.loaded.manifest.tasks
    }
    return {split: {task: reports[split] for task, reports in by_task.items()} for split in splits}


def _task_reports(
    run: Run | _Saved, config: Config, task: str, predictions: Predictions
) -> dict[str, Report]:
    """Report one task on each split."""
    manifest, out_of_scope = run.loaded.manifest, config.tasks[task].ood_label
    beside = _baselines(run, task, list(predictions), out_of_scope, config.report.baselines)
    tuned = manifest.thresholds.get(task)
    reports = {}
    for split, values in predictions.items():
        labels = run.corpus.splits[split].labels[task]
        reports[split] = task_report(
            manifest.tasks[task],
            labels,
            values[task],
            out_of_scope,
            None if tuned is None else np.array(tuned),
            cross_fit_thresholds(labels, values[task]) if tuned and split == "dev" else None,
            beside.get(split),
            manifest.label_set_thresholds.get(task),
        )
    return reports


def _baselines(
    run: Run | _Saved, task: str, splits: list[str], out_of_scope: str | None, wanted: bool
) -> dict[str, dict[str, dict[str, float]]]:
    if not wanted:
        return {}
    texts = {
        split: baselines.LabelledTexts(_joined(examples), examples.labels[task])
        for split, examples in run.corpus.splits.items()
        if split in ("train", *splits)
    }
    train = texts.pop("train")
    return baselines.compare(run.loaded.manifest.tasks[task], train, texts, out_of_scope)


def _joined(examples: Examples) -> Sequence[str]:
    if examples.pair is None:
        return examples.text
    return [f"{text} {pair}" for text, pair in zip(examples.text, examples.pair, strict=True)]


def _predict(run: Run | _Saved, split: str) -> dict[str, np.ndarray]:
    manifest = run.loaded.manifest
    shape = Shape(8, manifest.row_length, manifest.slots)
    rows = batches.evaluation_batches(run.encoded[split], shape)
    return inference.predict(run.loaded.model, rows)


def _draw(run: Run, split: str, predictions: Mapping[str, np.ndarray]) -> None:
    """Draw confusion matrix and reliability of each classification into TensorBoard."""
    for task, spec in run.loaded.manifest.tasks.items():
        labels = run.corpus.splits[split].labels[task]
        if spec.kind == "classify" and (labels >= 0).any():
            predicted = predictions[task].argmax(-1)
            images = {
                "confusion": pictures.confusion_matrix(labels, predicted, spec.labels),
                "reliability": pictures.reliability(labels, predictions[task]),
            }
            run.metrics_logger.images(f"{split}/{task}", run.steps, images)
