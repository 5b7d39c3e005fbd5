"""Rows of a file, with labels or room for them, as another file."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsocial import files
from tfsocial.data.reading.rows import as_json
from tfsocial.selection.reading import taken

DELIMITERS = {".csv": ",", ".tsv": "\t"}


def write(
    path: Path, source: Path, rows: Sequence[int], columns: Mapping[str, Sequence[str]]
) -> None:
    """Write rows of a file with all their columns, and others in their place or beside them.

    Args:
        rows: their numbers in the file; written in this order.
        columns: name -> a cell for each row.
    """
    turns = {int(row): turn for turn, row in enumerate(rows)}
    written: list[Mapping[str, Any]] = [{}] * len(rows)
    for number, row in zip(sorted(turns), taken(source, turns), strict=True):
        turn = turns[number]
        written[turn] = {**row.values, **{name: cells[turn] for name, cells in columns.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial:
        (_write_lines if path.suffix == ".jsonl" else _write_table)(partial, path.suffix, written)


def _write_lines(path: Path, _: str, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{as_json(row)}\n" for row in rows)


def _write_table(path: Path, suffix: str, rows: list[Mapping[str, Any]]) -> None:
    names = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*names], delimiter=DELIMITERS[suffix], restval="")
        writer.writeheader()
        writer.writerows(rows)
