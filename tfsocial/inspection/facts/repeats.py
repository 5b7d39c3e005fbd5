"""Rows that stand twice, within a split and across splits, and texts whose labels disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from tfsocial.config import Data
from tfsocial.data.examples import Corpus
from tfsocial.inspection import near_duplicates
from tfsocial.inspection.facts.places import label_of, row_facts
from tfsocial.inspection.near_duplicates import Pool

Facts = dict[str, Any]
AnyFacts = TypeVar("AnyFacts", bound=Mapping[str, Any])

EXAMPLES = 20  # pairs and groups shown
MOST_CONFLICTS = 1000  # groups with all their files and lines in inspect.json


def repeat_facts(pooled: Pool, corpus: Corpus, data: Data, threshold: float) -> Facts:
    """Find rows that stand twice: a table of counts, and the first that lie in several splits."""
    pairs = near_duplicates.near(pooled.forms, threshold)
    table = near_duplicates.repeats(pooled, pairs)
    first_of = _first_rows(pooled)
    across = [
        (one, other, similarity)
        for one, other, similarity in zip(
            first_of[pairs.first], first_of[pairs.second], pairs.similarity, strict=True
        )
        if pooled.split[one] != pooled.split[other]
    ]
    leaks = list(_leaks(pooled))
    return {
        "measure": near_duplicates.MEASURE,
        "threshold": threshold,
        "complete": pairs.complete,
        "table": table,
        "equal_groups": len(leaks),
        "near_pairs": len(across),
        "equal_across": [
            [row_facts(pooled, corpus, data, row) for row in _some_of_each(pooled, group)]
            for group in leaks[:EXAMPLES]
        ],
        "near_across": [
            {
                "similarity": round(float(similarity), 3),
                "rows": [row_facts(pooled, corpus, data, row) for row in (one, other)],
            }
            for one, other, similarity in across[:EXAMPLES]
        ],
    }


def _first_rows(pooled: Pool) -> np.ndarray:
    """Find a row of each form, int [forms]."""
    first = np.zeros(len(pooled.forms), np.int64)
    first[pooled.form[::-1]] = np.arange(len(pooled.form))[::-1]
    return first


def _leaks(pooled: Pool) -> Iterator[np.ndarray]:
    """List groups of equal rows that lie in several splits."""
    return (rows for rows in near_duplicates.twins(pooled) if len(set(pooled.split[rows])) > 1)


def _some_of_each(pooled: Pool, rows: np.ndarray) -> list[int]:
    """Pick the first rows of each split."""
    return [
        row
        for split in range(len(pooled.names))
        for row in rows[pooled.split[rows] == split][:_SHOWN_OF_A_SPLIT]
    ]


_SHOWN_OF_A_SPLIT = 2


def conflict_facts(pooled: Pool, corpus: Corpus, data: Data, task: str) -> Facts:
    """Find the equal texts whose labels for a task differ."""
    groups = near_duplicates.conflicts(pooled, corpus.splits, task)
    return {
        "texts": len(groups),
        "rows": sum(len(group) for group in groups),
        "groups": [
            _each_label_first([_with_label(pooled, corpus, data, task, row) for row in group])
            for group in groups[:MOST_CONFLICTS]
        ],
    }


def _with_label(pooled: Pool, corpus: Corpus, data: Data, task: str, row: int) -> Facts:
    split = pooled.names[pooled.split[row]]
    label = label_of(corpus, task, split, int(pooled.row[row]))
    return row_facts(pooled, corpus, data, row) | {"label": label}


def _each_label_first(group: Sequence[Facts]) -> list[Facts]:
    """Put a row of each label first: whoever sees the first few sees that they disagree."""
    first = one_of_each_label(group)
    return [*first, *(row for row in group if row not in first)]


def one_of_each_label(group: Sequence[AnyFacts]) -> list[AnyFacts]:
    """Pick the first row of each label."""
    return [*{row["label"]: row for row in reversed(group)}.values()][::-1]
