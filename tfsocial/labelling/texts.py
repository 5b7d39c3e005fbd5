"""The texts that may be labelled, each once, by a key that outlives the order of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import Row
from tfsocial.selection import repeats
from tfsocial.selection.reading import Pool, TextTuple, read_pool


@dataclass(frozen=True)
class Texts:
    """Different texts; those that look the same as an earlier one are left out.

    Attributes:
        columns: of the texts, one or two.
        keys: of the n texts.
        texts: one or two strings each.
        rows: their numbers in the file.
        forms: their normal forms.
        labels: key -> label, of texts that the file has one of.
        place: key -> where the text is among them.
        repeated: rows that look the same as another.
    """

    path: Path
    columns: tuple[str, ...]
    keys: list[str]
    texts: list[TextTuple]
    rows: list[int]
    forms: list[str]
    labels: Mapping[str, str]
    place: Mapping[str, int]
    repeated: int
    unreadable: int

    def __len__(self) -> int:
        return len(self.keys)


def key(form: str) -> str:
    """Name a text by its normal form.

    >>> key("where is my card?") == key("where is my card?")
    True
    """
    return hashlib.sha256(form.encode()).hexdigest()[:16]


def read(path: Path, text: Sequence[str], label: str) -> Texts:
    """Read a file's texts, and the labels that it has.

    Args:
        label: column, which need not be there.

    Raises:
        InputError: see `read_pool`.
    """
    pool = read_pool(path, text)
    forms = [repeats.form(one) for one in pool.texts]
    first = repeats.first_of_each(forms, ())
    labels = {key(forms[row]): cell for row, cell in _labels(path, pool, label) if cell}
    keys = [key(forms[row]) for row in first]
    return Texts(
        path,
        pool.columns,
        keys,
        [pool.texts[row] for row in first],
        pool.rows[first].tolist(),
        [forms[row] for row in first],
        labels,
        {one: place for place, one in enumerate(keys)},
        len(forms) - len(first),
        pool.unreadable,
    )


def _labels(path: Path, pool: Pool, label: str) -> Iterator[tuple[int, str]]:
    """Give (place among the pool's texts, cell of the label column)."""
    places = {int(row): place for place, row in enumerate(pool.rows)}
    for number, row in enumerate(read_rows(path)):
        if isinstance(row, Row) and number in places:
            yield places[number], _cell(row.values.get(label))


def _cell(value: Any) -> str:
    return "" if value is None else str(value).strip()
