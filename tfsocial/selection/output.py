"""The files of texts to label, and of those kept apart."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import files
from tfsocial.data.reading.rows import as_json
from tfsocial.selection.reading import Pool, taken

DELIMITERS = {".csv": ",", ".tsv": "\t"}


def write(path: Path, pool: Pool, chosen: np.ndarray, label: str) -> None:
    """Write texts of a pool with all their columns, and an empty one for the label.

    Args:
        chosen: places among the pool's texts, int [m]; written in this order.
        label: name of the column.
    """
    order = {int(pool.rows[place]): turn for turn, place in enumerate(chosen)}
    rows: list[Mapping[str, Any]] = [{}] * len(chosen)
    for number, row in zip(sorted(order), taken(pool.path, order), strict=True):
        rows[order[number]] = {**row.values, label: ""}
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as partial:
        (_write_lines if path.suffix == ".jsonl" else _write_table)(partial, path.suffix, rows)


def _write_lines(path: Path, _: str, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{as_json(row)}\n" for row in rows)


def _write_table(path: Path, suffix: str, rows: list[Mapping[str, Any]]) -> None:
    names = dict.fromkeys(name for row in rows for name in row)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*names], delimiter=DELIMITERS[suffix], restval="")
        writer.writeheader()
        writer.writerows(rows)
