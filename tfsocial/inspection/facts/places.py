"""Where a row stands, and what it says, for people."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tfsocial.config import Data
from tfsocial.data.examples import Corpus, Examples
from tfsocial.inspection.near_duplicates import Pool


def short(path: str, data: Data) -> str:
    """Name a file by its path under the root of its source."""
    roots = [source.root for source in data.sources.values() if source.root]
    inside = (root for root in roots if path.startswith(os.path.join(root, "")))
    return path.removeprefix(os.path.join(next(inside, ""), ""))


def row_facts(pooled: Pool, corpus: Corpus, data: Data, row: int) -> dict[str, Any]:
    """Give a row's split, file and line, and text."""
    split, place = pooled.names[pooled.split[row]], int(pooled.row[row])
    examples = corpus.splits[split]
    return {
        "split": split,
        "where": short(examples.origin.where(place), data),
        "text": _text(examples, place),
    }


def _text(examples: Examples, row: int) -> str:
    text = examples.text[row]
    return text if examples.pair is None else f"{text} // {examples.pair[row]}"


def label_of(corpus: Corpus, task: str, split: str, row: int) -> str:
    """Write a row's label as a person does."""
    value, names = corpus.splits[split].labels[task][row], corpus.label_names[task]
    if value.ndim == 0:
        return names[value]
    if not names:
        return f"{value[0]:g}"
    return " | ".join(names[index] for index in np.flatnonzero(value)) or "(none)"
