"""From the rows of a part to texts that are asked once, and from their answers to lines.

Nothing here knows Beam: these are the functions of which its pipeline is made.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.text_cells import Text
from tfsocial.errors import InputError
from tfsocial.serving.batch.plan import Part, changed
from tfsocial.serving.predictor import Predictor, described, texts_at_once

Texts = tuple[str, ...]
Places = list[tuple[int, int]]  # (row, line) of an input


class Unanswered(NamedTuple):
    """Why a row has no answer: it is `unreadable`, or its text `failed` in the model."""

    kind: str
    reason: str


Answer = dict[str, Any] | Unanswered


class Found(NamedTuple):
    """What a part holds: each text once with its places, and rows that cannot be read."""

    texts: dict[Texts, Places]
    unreadable: list[tuple[Places, Unanswered]]


def found(rows: Iterable[tuple[int, Text | BadRow]]) -> Found:
    """Collect the rows of a part, numbered in their file, by their texts."""
    texts: dict[Texts, Places] = {}
    unreadable = []
    for number, row in rows:
        if isinstance(row, BadRow):
            unreadable.append(([(number, row.line)], Unanswered("unreadable", row.reason)))
        else:
            texts.setdefault(row.columns, []).append((number, row.line))
    return Found(texts, unreadable)


def of_parts(rows: Iterable[Text | BadRow], parts: Sequence[Part]) -> Iterator[Found]:
    """Read parts that follow each other from the rows of their file, one part at a time."""
    numbered = islice(enumerate(rows), parts[0].first, None)
    for part in parts:
        yield found(islice(numbered, part.rows))


def bucket(texts: Texts, buckets: int) -> int:
    """Draw a bucket by the sha256 of a text's columns: all rows with that text come to one.

    >>> bucket(("a", "b"), 1000) == bucket(("a", "b"), 1000) != bucket(("ab", ""), 1000)
    True
    """
    digest = hashlib.sha256(json.dumps(texts).encode()).digest()
    return int.from_bytes(digest[:8], "big") % buckets


def in_buckets(texts: dict[Texts, Places], buckets: int) -> dict[int, list[tuple[Texts, Places]]]:
    """Sort a part's texts into buckets."""
    sorted_out: dict[int, list[tuple[Texts, Places]]] = {}
    for columns, places in texts.items():
        sorted_out.setdefault(bucket(columns, buckets), []).append((columns, places))
    return sorted_out


def distinct(
    blocks: Iterable[tuple[int, list[tuple[Texts, Places]]]],
) -> list[tuple[list[tuple[int, Places]], Texts]]:
    """Join what several parts sent to a bucket: each text once, with its places in each part.

    Sorted by length and text: the model is called alike however the blocks arrived, with texts of
    about one length at a time.

    >>> distinct([(1, [(("b",), [(7, 8)])]), (0, [(("b",), [(0, 1)]), (("a",), [(1, 2)])])])
    [([(0, [(1, 2)])], ('a',)), ([(0, [(0, 1)]), (1, [(7, 8)])], ('b',))]
    """
    joined: dict[Texts, list[tuple[int, Places]]] = {}
    for part, block in sorted(blocks, key=itemgetter(0)):
        for columns, places in block:
            joined.setdefault(columns, []).append((part, places))
    order = sorted(joined, key=lambda columns: (sum(map(len, columns)), columns))
    return [(joined[columns], columns) for columns in order]


def answered(predictor: Predictor, texts: Sequence[Texts], top: int) -> Iterator[Answer]:
    """Answer each text; if a call fails, its texts are asked one by one.

    A text that fails alone too is `Unanswered`; its reason is the error's type, since what
    TensorFlow says may quote the text.
    """
    at_once = texts_at_once(predictor.manifest)
    for start in range(0, len(texts), at_once):
        yield from _of_call(predictor, texts[start : start + at_once], top)


def _of_call(predictor: Predictor, texts: Sequence[Texts], top: int) -> list[Answer]:
    try:
        return list(described(predictor, predictor(texts), top))
    except Exception as error:  # whatever stops a call must not stop the others
        if len(texts) == 1:
            return [Unanswered("failed", f"the model failed with {type(error).__name__}")]
    return [answer for text in texts for answer in _of_call(predictor, [text], top)]


class Written(NamedTuple):
    """A part's two files, and how many of its rows are `answered`, `unreadable`, `failed`."""

    answers: bytes
    unanswered: bytes
    counts: Counter[str]


def written(part: Part, answers: Iterable[tuple[Places, Answer]]) -> Written:
    """Write a part's lines, line i to its row i, as `tfsocial predict` does.

    Raises:
        InputError: there are not as many rows as were counted.
    """
    rows = sorted(
        ((row, line, answer) for places, answer in answers for row, line in places),
        key=itemgetter(0),
    )
    if [row for row, _, _ in rows] != list(range(part.first, part.first + part.rows)):
        raise InputError(changed(part))
    return Written(
        _lines({"row": row, **_said(part, line, answer)} for row, line, answer in rows),
        _lines(
            {"file": part.file, "line": line, "row": row, **answer._asdict()}
            for row, line, answer in rows
            if isinstance(answer, Unanswered)
        ),
        Counter(_kind(answer) for _, _, answer in rows),
    )


def _said(part: Part, line: int, answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Unanswered):
        return {"error": f"{part.file}:{line}: {answer.reason}"}
    return answer


def _kind(answer: Answer) -> str:
    return answer.kind if isinstance(answer, Unanswered) else "answered"


def _lines(values: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()
