"""Files of questions with their answers, and of what is asked with what is right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfsocial.apps.sources.tables import is_table, rows_of, rows_of_body
from tfsocial.apps.support.knowledge import Faq, of_row
from tfsocial.errors import InputError

BETWEEN = "|"  # paraphrases in a cell of a table
LISTS = ("paraphrases", "more")
TIMES = ("since", "until")


def read_faqs(path: Path) -> list[Faq]:
    """Read questions: .jsonl with the fields of `Faq`, or .csv with columns of these names.

    In a table paraphrases stand in one cell with | between them.

    Raises:
        InputError: a file cannot be read, a question is none, or two have one id.
    """
    rows = rows_of(path)
    if is_table(path):
        rows = ((where, _of_cells(row, where)) for where, row in rows)
    return _faqs(rows, str(path))


def of_lines(content: bytes, name: str) -> list[Faq]:
    """Read questions from JSON lines.

    Raises:
        InputError: see `read_faqs`.

    >>> [faq.id for faq in of_lines(b'{"id": "a", "answer": "b"}', "body")]
    ['a']
    """
    return _faqs(rows_of_body(name, content), name)


def _faqs(rows: Iterable[tuple[str, Mapping[str, Any]]], name: str) -> list[Faq]:
    found: dict[str, Faq] = {}
    for where, row in rows:
        faq = of_row(row, where)
        if faq.id in found:
            raise InputError(f"{where}: id: {faq.id!r} stood before; give each question its own")
        found[faq.id] = faq
    if not found:
        raise InputError(f"{name}: holds no question")
    return list(found.values())


def read_asked(path: Path) -> list[tuple[str, str]]:
    """Read what is asked: texts in `text`, and in `id` the question that is meant.

    An empty id says that nobody has an answer.

    Raises:
        InputError: a file cannot be read, or lacks one of them.
    """
    found = []
    for where, row in rows_of(path):
        for name in ("text", "id"):
            if not isinstance(row.get(name), str):
                raise InputError(f"{where}: {name}: is not there")
        if not row["text"].strip():
            raise InputError(f"{where}: text: is empty")
        found.append((row["text"], row["id"].strip()))
    return found


def _of_cells(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    values: dict[str, Any] = dict(row)
    for name in LISTS:
        if name in values:
            values[name] = [one for one in values[name].split(BETWEEN) if one.strip()]
    for name in TIMES:
        if name in values:
            try:
                values[name] = float(values[name] or 0)
            except ValueError:
                raise InputError(f"{where}: {name}: is no time; write seconds since 1970") from None
    return values
