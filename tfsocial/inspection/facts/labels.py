"""Rows of each label in each split, or the spread of the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfsocial.config import Task
from tfsocial.data import examples
from tfsocial.data.examples import Corpus

Facts = dict[str, Any]


def label_facts(name: str, task: Task, corpus: Corpus) -> Facts:
    """Count the rows of each label in each split, or describe the numbers of a regression."""
    values = {split: rows.labels[name] for split, rows in corpus.splits.items()}
    if task.kind == "regress":
        return {"kind": task.kind, "splits": {split: _numbers(v) for split, v in values.items()}}
    names = corpus.label_names[name]
    counts = {split: _label_counts(labels, len(names)) for split, labels in values.items()}
    return {
        "kind": task.kind,
        "labels": {
            label: {split: int(of_split[index]) for split, of_split in counts.items()}
            for index, label in enumerate(names)
        },
        "unlabelled": {
            split: int((~examples.has_label(labels)).sum()) for split, labels in values.items()
        },
        "learned_without_train": [task.ood_label] if task.ood_score else [],
    }


def _label_counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """Count the rows that carry each label, int [classes]."""
    known = labels[examples.has_label(labels)]
    if labels.ndim == 1:
        return np.bincount(known, minlength=classes)
    return known.sum(0).astype(np.int64)


def _numbers(values: np.ndarray) -> Facts:
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return {"rows": 0}
    return {
        "rows": len(known),
        "mean": float(known.mean()),
        "deviation": float(known.std()),
        "lowest": float(known.min()),
        "highest": float(known.max()),
    }
