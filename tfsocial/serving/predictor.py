"""Predictions from a run's `model/` folder or from its SavedModel, one interface for both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from tfsocial import files
from tfsocial.config import InputError
from tfsocial.data import sources
from tfsocial.models import checkpoints, inference
from tfsocial.models.checkpoints import Loaded, Manifest
from tfsocial.serving import export

AT_ONCE = 512  # texts in one call: enough to fill rows, little enough to keep memory flat
SQUARES = AT_ONCE * 128**2  # attention of so many texts of 128 tokens is as much as memory is for


class Predictions(NamedTuple):
    """Answers to n texts.

    Attributes:
        tasks: task -> float32 [n, width], probabilities or values.
        embedding: float32 [n, hidden].
    """

    tasks: dict[str, np.ndarray]
    embedding: np.ndarray


class Predictor(Protocol):
    """Answers raw texts."""

    manifest: Manifest

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        """Answers to n texts, each a tuple of the model's one or two text columns."""


def load(folder: Path) -> Predictor:
    """The predictor of a run's `model/` or of a SavedModel.

    Raises:
        InputError: the folder is neither, or is broken.
    """
    if (folder / "saved_model.pb").is_file():
        return SavedModelPredictor(folder)
    if not (folder / checkpoints.CONFIG).is_file():
        raise InputError(
            f"--model={folder}: is neither a run's model/ folder (config.json) "
            "nor a SavedModel (saved_model.pb)"
        )
    return ModelPredictor(checkpoints.load(folder))


class ModelPredictor:
    """A loaded model folder."""

    def __init__(self, loaded: Loaded):
        self.manifest = loaded.manifest

        @tf.function(reduce_retracing=True)
        def answer(*columns: tf.Tensor):
            return inference.answer(loaded, columns)

        self._answer = answer

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        columns = (tf.constant(column, tf.string) for column in zip(*texts, strict=True))
        tasks, embedding = self._answer(*columns)
        return Predictions({task: tasks[task].numpy() for task in tasks}, embedding.numpy())


class SavedModelPredictor:
    """An exported SavedModel, through its signature alone."""

    def __init__(self, folder: Path):
        import tensorflow_text  # noqa: F401  registers the tokenizer's ops

        self.manifest = export.read_manifest(folder)
        self._module = tf.saved_model.load(str(folder))
        self._signature = self._module.signatures["serving_default"]

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        columns = zip((export.TEXT, export.PAIR), zip(*texts, strict=True), strict=False)
        answers = self._signature(
            **{name: tf.constant(column, tf.string) for name, column in columns}
        )
        tasks = {task: self._values(answers, task).numpy() for task in self.manifest.tasks}
        return Predictions(tasks, answers["embedding"].numpy())

    def _values(self, answers: dict[str, tf.Tensor], task: str) -> tf.Tensor:
        prefix = export.prefix(self.manifest, task)
        if self.manifest.tasks[task].kind == "regress":
            return answers[f"{prefix}value"][:, tf.newaxis]
        return answers[f"{prefix}probabilities"]


def predict_file(predictor: Predictor, source: Path, target: Path, top: int = 0) -> tuple[int, int]:
    """Answers every row of a file, line i to row i, in constant memory; whole or not at all.

    Args:
        top: how many labels to list with their probabilities; 0 lists all.

    Returns:
        (rows answered, rows that could not be read; those get an `error` in their line).

    Raises:
        InputError: `source` cannot be read, `target` is no file, or the model has no task.
    """
    if not predictor.manifest.tasks:
        raise InputError(
            "--model: was trained without a task, so it has nothing to answer with; fine-tune it "
            "first (--set model.checkpoint=...)"
        )
    rows = sources.texts(source, predictor.manifest.text_columns)
    if target.exists() and not target.is_file():  # a device would be replaced by a file
        raise InputError(f"--output={target}: is there already and is not a file")
    target.parent.mkdir(parents=True, exist_ok=True)
    answered = bad = 0
    with files.replacing(target) as partial, partial.open("w", encoding="utf-8") as out:
        for row, answer in enumerate(answers(predictor, rows, top)):
            out.write(json.dumps({"row": row, **answer}, ensure_ascii=False) + "\n")
            bad, answered = bad + ("error" in answer), answered + ("error" not in answer)
    return answered, bad


def answers(
    predictor: Predictor, rows: Iterable[sources.Text | sources.BadRow], top: int = 0
) -> Iterator[dict[str, Any]]:
    """An answer per row, in order: task -> label and probabilities, or `error`."""
    rows = iter(rows)
    at_once = max(1, min(AT_ONCE, SQUARES // predictor.manifest.row_length**2))
    while block := list(islice(rows, at_once)):
        good = [row for row in block if isinstance(row, sources.Text)]
        given = iter(_described(predictor, good, top)) if good else iter(())
        for row in block:
            if isinstance(row, sources.BadRow):
                yield {"error": f"{row.file}:{row.line}: {row.reason}"}
            else:
                yield next(given)


def _described(
    predictor: Predictor, rows: list[sources.Text], top: int
) -> Iterator[dict[str, Any]]:
    texts = [(row.text,) if row.pair is None else (row.text, row.pair) for row in rows]
    predictions = predictor(texts)
    for number in range(len(rows)):
        yield {
            task: describe(predictor.manifest, task, values[number], top)
            for task, values in predictions.tasks.items()
        }


def describe(manifest: Manifest, task: str, values: np.ndarray, top: int = 0) -> dict[str, Any]:
    """One task's answer to one text as JSON values, likeliest labels first.

    >>> from tfsocial.models.heads import HeadSpec
    >>> spec = HeadSpec("classify", ("no", "yes"))
    >>> manifest = Manifest({"spam": spec}, "mean", 128, 16, ("text",))
    >>> describe(manifest, "spam", np.array([0.25, 0.75]), top=1)
    {'label': 'yes', 'probabilities': {'yes': 0.75}}
    """
    spec = manifest.tasks[task]
    if spec.kind == "regress":
        return {"value": float(values[0])}
    order = np.argsort(-values, kind="stable")
    listed = {spec.labels[index]: float(values[index]) for index in order[: top or None]}
    if spec.kind == "classify":
        return {"label": spec.labels[order[0]], "probabilities": listed}
    reached = values >= manifest.decision_thresholds(task)
    return {"labels": [spec.labels[i] for i in order if reached[i]], "probabilities": listed}
