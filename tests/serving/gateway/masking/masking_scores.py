"""The corpus, and how much of it is found: by overlap with a span of the same kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus.jsonl"
Spans = Sequence[Sequence]  # of start, end, kind


def rows(*parts: str) -> list[dict[str, Any]]:
    """Lines of the corpus, of some of its parts."""
    lines = map(json.loads, CORPUS.read_text("utf-8").splitlines())
    return [line for line in lines if line["part"] in parts]


def scores(pairs: Iterable[tuple[Spans, Spans]]) -> dict[str, dict[str, float]]:
    """Precision and recall by kind, and what they are of, from (true, found) spans of each text.

    >>> scores([([[0, 4, "IP"], [9, 11, "ID"]], [[2, 5, "IP"], [9, 11, "IP"]])])["IP"]
    {'true': 1, 'found': 2, 'recall': 1.0, 'precision': 0.5}
    """
    true, found, recalled, right = Counter(), Counter(), Counter(), Counter()
    for these, those in pairs:
        true.update(span[2] for span in these)
        found.update(span[2] for span in those)
        recalled.update(span[2] for span in these if _overlaps_one(span, those))
        right.update(span[2] for span in those if _overlaps_one(span, these))
    return {
        kind: {
            "true": true[kind],
            "found": found[kind],
            "recall": round(recalled[kind] / true[kind], 3) if true[kind] else 1.0,
            "precision": round(right[kind] / found[kind], 3) if found[kind] else 1.0,
        }
        for kind in sorted(true | found)
    }


def _overlaps_one(span: Sequence, others: Spans) -> bool:
    start, end, kind = span
    return any(kind == other[2] and start < other[1] and other[0] < end for other in others)
