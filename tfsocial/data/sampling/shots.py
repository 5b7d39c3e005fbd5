"""Few labels on purpose: the same n examples of each class for whoever asks with the same seed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tfsocial import files
from tfsocial.config import Data, Task
from tfsocial.data.examples import Corpus, Examples, Part, has_label
from tfsocial.errors import InputError

log = logging.getLogger(__name__)


def draw(
    corpus: Corpus,
    data: Data,
    tasks: Mapping[str, Task],
    seed: int,
    record: Path | None = None,
) -> Corpus:
    """Draw `data.shots` training examples of each class of the first classification.

    A smaller draw of one seed is part of a larger one. A class with fewer examples gives all;
    rows without a label for that task are left out, but for those of sources that have none of
    it: that is unlabelled text, which few labels are to learn from beside themselves, or what
    other tasks learn from.

    Without `data.shots` the corpus is given as it is.

    Args:
        record: jsonl that gets file, line, text and labels of what was drawn, in the order of
            the files, so that others can be compared on the same examples.

    Raises:
        InputError: no task is a classification, or another task is left without a label.
    """
    if data.shots is None:
        return corpus
    task = next((name for name, task in tasks.items() if task.kind == "classify"), None)
    if task is None:
        raise InputError("data.shots draws by class, but no task is of kind classify; drop it")
    train = corpus.splits["train"]
    rows = draw_shots(train.labels[task], data.shots, seed)
    names = corpus.label_names[task]
    lacking = sum(np.bincount(train.labels[task][rows], minlength=len(names)) < data.shots)
    if lacking:
        log.warning(
            "data.shots=%d: %d classes of %s have fewer, all taken", data.shots, lacking, task
        )
    few_shot = _only(corpus, np.union1d(rows, _of_other_sources(corpus, data, {task: tasks[task]})))
    for other, labels in few_shot.splits["train"].labels.items():
        if not has_label(labels).any():
            raise InputError(
                f"data.shots={data.shots}: no row that is drawn for task {task} has a label for "
                f"task {other}; drop one of the two tasks, or data.shots"
            )
    if record is not None:
        _write(record, train.taken(rows), corpus.label_names)
    return few_shot


def _of_other_sources(corpus: Corpus, data: Data, tasks: Mapping[str, Task]) -> np.ndarray:
    """Find the rows of train whose source has labels for none of these tasks, int64 [m]."""
    rows, start = [np.zeros(0, np.int64)], 0
    for key, part in corpus.parts["train"].items():
        if not data.sources[key].labelled(tasks):
            rows.append(np.arange(start, start + part.size))
        start += part.size
    return np.concatenate(rows)


def _only(corpus: Corpus, rows: np.ndarray) -> Corpus:
    """Keep these rows of train, ascending; a source that has none is no part of the corpus."""
    parts: dict[str, Part] = {}
    start = 0
    for key, part in corpus.parts["train"].items():
        size = int(np.sum((rows >= start) & (rows < start + part.size)))
        start += part.size
        parts |= {key: Part(size, part.counts)} if size else {}
    train = corpus.splits["train"].taken(rows)
    return replace(
        corpus,
        splits={**corpus.splits, "train": train},
        parts={**corpus.parts, "train": parts},
    )


def draw_shots(labels: np.ndarray, shots: int, seed: int) -> np.ndarray:
    """Draw rows, ascending; labels int [n], below 0 where there is none.

    >>> labels = np.array([0, 1, 0, -1, 1, 0])
    >>> len(draw_shots(labels, 2, seed=0))
    4
    >>> set(draw_shots(labels, 1, 0)) <= set(draw_shots(labels, 2, 0))
    True
    """
    rows = [
        np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))[:shots]
        for label in np.unique(labels[labels >= 0])
    ]
    return np.sort(np.concatenate(rows))


def _write(path: Path, examples: Examples, names: Mapping[str, tuple[str, ...]]) -> None:
    with files.replacing(path) as partial, partial.open("w", encoding="utf-8") as stream:
        for row in range(len(examples)):
            stream.write(json.dumps(_line(examples, row, names), ensure_ascii=False) + "\n")


def _line(examples: Examples, row: int, names: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    origin = examples.origin
    place = {"file": origin.files[origin.file[row]], "line": int(origin.line[row])}
    pair = {} if examples.pair is None else {"pair": examples.pair[row]}
    labels = {task: _label(values[row], names[task]) for task, values in examples.labels.items()}
    return {**place, "text": examples.text[row], **pair, **labels}


def _label(value: np.ndarray, names: tuple[str, ...]) -> object:
    """Write a label as its file could have it; None where there is none."""
    if value.ndim == 0:
        return names[value] if value >= 0 else None
    if not np.isfinite(value).all():
        return None
    if not names:
        return float(value[0])
    return [name for name, has in zip(names, value, strict=True) if has]
