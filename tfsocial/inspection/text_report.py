"""The facts of a data set as text for a terminal, and the files they are written to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfsocial import files
from tfsocial.inspection.facts.repeats import EXAMPLES, one_of_each_label

Facts = Mapping[str, Any]

_REASONS = 20


def as_text(facts: Facts) -> str:
    """Write the report for a terminal: files and lines, but no text of the data."""
    parts = [
        [f"data of {facts['name']}"],
        _split_lines(facts),
        *(_task_lines(name, task) for name, task in facts["tasks"].items()),
        _repeat_lines(facts["repeats"]),
        *(_conflict_lines(name, one) for name, one in facts["conflicts"].items()),
        _quarantine_lines(facts["quarantine"]),
        _licence_lines(facts["licences"]),
        ["advice", *(f"  * {sentence}" for sentence in facts["advice"])]
        if facts["advice"]
        else ["advice", "  nothing to mend was found"],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _split_lines(facts: Facts) -> list[str]:
    measures = ("tokens: mean", "median", "95 %", "99 %", "longest", "cut", "unknown")
    header = ("split", "rows", "bad", *measures)
    rows = [
        (split, counts["rows"], counts["bad"], *_length_cells(facts["lengths"]["splits"][split]))
        for split, counts in facts["splits"].items()
    ]
    note = f"  cut: longer than row_length {_row_length(facts)}; unknown: of the tokens, to M0"
    return [*_aligned([header, *rows]), note]


def _row_length(facts: Facts) -> int:
    return facts["lengths"]["row_length"]


def _length_cells(length: Facts) -> tuple[Any, ...]:
    keys = ("median", "p95", "p99", "longest", "cut")
    return (f"{length['mean']:.1f}", *(length[key] for key in keys), f"{length['unknown']:.1%}")


def _task_lines(name: str, task: Facts) -> list[str]:
    if "labels" not in task:
        header = ("split", "rows", "mean", "deviation", "lowest", "highest")
        rows = [
            (split, *(f"{value:.4g}" for value in numbers.values()))
            for split, numbers in task["splits"].items()
        ]
        return [f"task {name} ({task['kind']})", *_aligned([header, *rows])]
    labels = sorted(task["labels"].items(), key=lambda item: -item[1].get("train", 0))
    header = ("label", *task["unlabelled"])
    rows = [(label, *counts.values()) for label, counts in labels]
    if len(rows) > 2 * _ENDS:
        rows = [*rows[:_ENDS], (f"({len(rows) - 2 * _ENDS} more)",), *rows[-_ENDS:]]
    return [
        f"task {name} ({task['kind']}, {len(labels)} labels)",
        *_aligned([header, *rows, ("no label", *task["unlabelled"].values())]),
    ]


_ENDS = 10  # labels shown of the most frequent and of the rarest


def _repeat_lines(repeats: Facts) -> list[str]:
    rows = [
        (split, other, counts["equal"], counts["near"])
        for split, others in repeats["table"].items()
        for other, counts in others.items()
    ]
    more = [] if repeats["complete"] else ["  there are more near pairs than were looked at"]
    return [
        "rows that stand twice",
        *_aligned([("rows of", "stand in", "equal", "near"), *rows]),
        f"  near: {repeats['measure']} >= {repeats['threshold']:g}",
        *more,
        *(f"  equal: {_places(rows)}" for rows in repeats["equal_across"][:_SHOWN]),
        *(
            f"  near, {pair['similarity']:.2f}: {_places(pair['rows'])}"
            for pair in repeats["near_across"][:_SHOWN]
        ),
    ]


_SHOWN = 5


def _places(rows: Sequence[Facts]) -> str:
    return ", ".join(row["where"] for row in rows[:_SHOWN])


def _conflict_lines(task: str, facts: Facts) -> list[str]:
    if not facts["texts"]:
        return []
    return [
        f"labels of task {task} that disagree: {facts['texts']} texts in {facts['rows']} rows",
        *("  " + _labels_of(group) for group in facts["groups"][:EXAMPLES]),
    ]


def _labels_of(group: Sequence[Facts]) -> str:
    """Show a row of each label, of a few labels."""
    first = one_of_each_label(group)[:_SHOWN]
    return ", ".join(f"{row['where']} {row['label']!r}" for row in first)


def _quarantine_lines(reasons: Sequence[Facts]) -> list[str]:
    if not reasons:
        return []
    rows = [(one["rows"], one["first"], one["reason"]) for one in reasons[:_REASONS]]
    return ["bad rows", *_aligned([("rows", "first", "reason"), *rows])]


def _licence_lines(licences: Sequence[Facts]) -> list[str]:
    rows = [
        (one["what"], one["name"], one["licence"], one["kind"], _verdict(one)) for one in licences
    ]
    return ["licences", *_aligned([("what", "name", "licence", "kind", ""), *rows])]


def _verdict(licence: Facts) -> str:
    if licence["refused"]:
        return "refused"
    return f"acknowledged: {licence['acknowledged']}" if licence["acknowledged"] else "accepted"


def _aligned(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Align columns of equal width, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(len(row[column]) for row in cells if column < len(row))
        for column in range(max(map(len, cells)))
    ]
    return [
        "  "
        + "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in cells
    ]


def _padded(cell: str, width: int) -> str:
    return cell.rjust(width) if re.fullmatch(r"-?[\d.]+%?", cell) else cell.ljust(width)


def write(facts: Facts, page: str, folder: Path) -> None:
    """Write inspect.json, inspect.txt and inspect.html, each whole or as it was before."""
    contents = {
        "inspect.json": json.dumps(facts, indent=1, ensure_ascii=False) + "\n",
        "inspect.txt": as_text(facts),
        "inspect.html": page,
    }
    for name, content in contents.items():
        files.write_text(folder / name, content)
