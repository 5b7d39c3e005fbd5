"""Tables of what `tfsocial init` made of real sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docs.hooks.results import lines, table, tree


def init() -> str:
    """What was seen in each set, and the recipe that was taken."""
    latest = {line["set"]: line for line in lines("init.jsonl")}
    rows = [[name, *_row(line)] for name, line in sorted(latest.items())]
    header = ["set", "text", "tasks", "rows", "repeated", "suspected", "recipe", "two steps"]
    return table(header, rows)


def _row(line: Mapping[str, Any]) -> list[str]:
    if "error" in line:
        return ["", "", "", "", "", "", line["error"]]
    tasks = [f"{name} ({kind}, {count})" for name, (kind, count) in line["tasks"].items()]
    counts = [f"{split} {count}" for split, count in line["rows"].items()]
    return [
        ", ".join(line["text"]),
        ", ".join(tasks),
        ", ".join(counts),
        str(line["repeated"]),
        _share(line["suspected_labels"]),
        line["recipe"],
        line["steps"],
    ]


def _share(suspected: float | None) -> str:
    return "not checked" if suspected is None else f"{suspected:.0%}"


def suspected_labels() -> str:
    """Shares of labels that look wrong, by how many were exchanged."""
    found = tree("suspected_labels.json")
    rows = [
        [name, *(f"{share:.1%}" for share in shares.values())] for name, shares in found.items()
    ]
    header = ["set", "as published", "10 % exchanged", "20 %", "40 %"]
    return table(header, rows)
