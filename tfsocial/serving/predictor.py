"""The one face of a model in use, and answers to the rows of a file.

Nothing here knows what runs the model: `saved_model`, `text_model` and what comes beside them do.
A server that answers from a SavedModel imports neither the trainer nor transformers.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsocial import files
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.text_cells import Text
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError
from tfsocial.serving.inputs import Row, tuples

AT_ONCE = 512  # texts in one call: enough to fill rows, little enough to keep memory flat
WINDOW = 8 * AT_ONCE  # texts that are sorted by length: one call's are then all about as long
SQUARES = AT_ONCE * 128**2  # attention of so many texts of 128 tokens is as much as memory is for


class Predictions(NamedTuple):
    """Numbers for n texts.

    Attributes:
        tasks: task -> float32 [n, width], probabilities or values.
        embedding: float32 [n, hidden].
    """

    tasks: dict[str, np.ndarray]
    embedding: np.ndarray


class Predictor(ABC):
    """A model in use, whatever runs it; each gives the same numbers to 1e-5.

    Attributes:
        manifest: its tasks, labels, thresholds and text columns.
    """

    manifest: ModelManifest

    @abstractmethod
    def __call__(self, texts: Sequence[tuple[Any, ...]]) -> Predictions:
        """Compute the numbers for n texts, each a tuple as `inputs.tuples` makes it."""

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Task -> its labels in the order of the probabilities; none for a regression."""
        return {task: spec.labels for task, spec in self.manifest.tasks.items()}

    def predict(self, texts: Sequence[Row], top: int = 0) -> list[dict[str, Any]]:
        """Answer each text: task -> what `describe` makes of its numbers.

        Args:
            texts: n of them; pairs as tuples, and rows of a table as column -> value.
            top: how many labels to list with their probabilities; 0 lists all.
        """
        return list(described(self, self.many(tuples(self.manifest, texts)), top))

    def embed(self, texts: Sequence[Row]) -> np.ndarray:
        """Pool the encoder's output of each text, float32 [n, hidden]."""
        return self.many(tuples(self.manifest, texts)).embedding

    def many(self, texts: Sequence[tuple[Any, ...]]) -> Predictions:
        """Compute the numbers for any number of texts, those of about one length together."""
        if not texts:
            none = {task: np.zeros([0, spec.width]) for task, spec in self.manifest.tasks.items()}
            return Predictions(none, np.zeros([0, 0]))
        columns = len(self.manifest.text_columns)
        order = sorted(range(len(texts)), key=lambda at: sum(map(len, texts[at][:columns])))
        size = texts_at_once(self.manifest)
        starts = range(0, len(texts), size)
        parts = [self([texts[place] for place in order[start : start + size]]) for start in starts]
        back = np.argsort(order)
        tasks = {
            task: np.concatenate([part.tasks[task] for part in parts])[back]
            for task in parts[0].tasks
        }
        return Predictions(tasks, np.concatenate([part.embedding for part in parts])[back])


def texts_at_once(manifest: ModelManifest) -> int:
    """Bound the texts in one call: attention over a row is its length squared.

    >>> texts_at_once(ModelManifest({}, "mean", 512, 16, ("text",)))
    32
    """
    return max(1, min(AT_ONCE, SQUARES // manifest.row_length**2))


def predict_file(predictor: Predictor, source: Path, target: Path, top: int = 0) -> tuple[int, int]:
    """Answer every row of a file, line i to row i, in constant memory; whole or not at all.

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
    manifest = predictor.manifest
    rows = read_texts(source, manifest.text_columns, features=list(manifest.features.values()))
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
    predictor: Predictor, rows: Iterable[Text | BadRow], top: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield an answer per row, in order: task -> label and probabilities, or `error`."""
    rows = iter(rows)
    while block := list(islice(rows, WINDOW)):
        good = [row for row in block if isinstance(row, Text)]
        answered = iter(_described(predictor, good, top)) if good else iter(())
        for row in block:
            if isinstance(row, BadRow):
                yield {"error": f"{row.file}:{row.line}: {row.reason}"}
            else:
                yield next(answered)


def _described(predictor: Predictor, rows: list[Text], top: int) -> Iterator[dict[str, Any]]:
    return described(predictor, predictor.many([row.columns for row in rows]), top)


def described(
    predictor: Predictor, predictions: Predictions, top: int = 0
) -> Iterator[dict[str, Any]]:
    """Turn the numbers for n texts into n answers."""
    for number in range(len(predictions.embedding)):
        yield {
            task: describe(predictor.manifest, task, values[number], top)
            for task, values in predictions.tasks.items()
        }


def describe(
    manifest: ModelManifest, task: str, values: np.ndarray, top: int = 0
) -> dict[str, Any]:
    """Write one task's answer to one text as JSON values, likeliest labels first.

    Args:
        values: float [width], the predictions of that task.
        top: so many labels at most; 0 for all.

    >>> from tfsocial.models.spec import HeadSpec
    >>> spec = HeadSpec("classify", ("no", "yes"))
    >>> manifest = ModelManifest({"spam": spec}, "mean", 128, 16, ("text",))
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
