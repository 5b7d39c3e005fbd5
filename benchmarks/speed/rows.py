"""The rows everybody is timed on: the same texts and labels, in the same order.

The procedure, in full, so that any tool in any language can repeat it:

1. read the CSV file (columns ``text`` and ``label``) from top to bottom;
2. sort the distinct label names of the whole file; a label's index is its place in that list;
3. shuffle the rows with Python's ``random.Random(0).shuffle``;
4. the first ``warmup`` rows warm the tool up, the next ``timed`` rows are the ones timed.

Only the standard library is used, so every peer's environment can import this module.
"""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

SEED = 0


@dataclass(frozen=True)
class Rows:
    """Texts with their label indices; ``names[i]`` is the name of label ``i``."""

    texts: list[str]
    labels: list[int]
    names: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def part(self, start: int, stop: int) -> Rows:
        """The rows ``start`` to ``stop`` (exclusive), with all label names kept."""
        return Rows(self.texts[start:stop], self.labels[start:stop], self.names)


def read(path: str | Path) -> Rows:
    """All rows of a CSV file in the shuffled order (steps 1 to 3 of the procedure).

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("text,label\\nhello,greet\\nbye,leave\\nhi,greet\\n")
    ...     file.flush()
    ...     rows = read(file.name)
    >>> rows.names, sorted(zip(rows.texts, rows.labels))
    (['greet', 'leave'], [('bye', 1), ('hello', 0), ('hi', 0)])
    """
    with open(path, encoding="utf-8", newline="") as file:
        pairs = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    names = sorted({label for _, label in pairs})
    index = {name: place for place, name in enumerate(names)}
    random.Random(SEED).shuffle(pairs)
    return Rows([text for text, _ in pairs], [index[label] for _, label in pairs], names)


def warmup_and_timed(path: str | Path, warmup: int, timed: int) -> tuple[Rows, Rows]:
    """Two disjoint parts, ``warmup`` and ``timed`` rows long (step 4 of the procedure).

    Raises:
        ValueError: when the file holds fewer than ``warmup + timed`` rows.
    """
    rows = read(path)
    if len(rows) < warmup + timed:
        raise ValueError(
            f"{path} has {len(rows)} rows; {warmup} to warm up and {timed} to time were asked for"
        )
    return rows.part(0, warmup), rows.part(warmup, warmup + timed)
