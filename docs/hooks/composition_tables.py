"""Tables of what it is worth to add weights, to answer together and to distil."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from docs.hooks.results import lines, table, tree

Line = Mapping[str, Any]


def _found() -> list[Line]:
    return lines("composition.jsonl")


def _mean(values: Iterable[float]) -> str:
    return f"{100 * statistics.mean(values):.2f}"


def soups() -> str:
    """Accuracy on test of what was made of several runs of one task, beside the runs' own."""
    rows = []
    for name in dict.fromkeys(line["name"] for line in _found()):
        of_name = [line for line in _found() if line["name"] == name]
        for method in dict.fromkeys(line["method"] for line in of_name):
            some = [line for line in of_name if line["method"] == method]
            own = [one["intent"]["accuracy"] for line in some for one in line["singles"].values()]
            made = _mean(line["test"]["intent"]["accuracy"] for line in some)
            rows.append([name, method, made, _mean(own), f"{100 * max(own):.2f}", str(len(some))])
    header = ["runs", "made of them", "accuracy", "runs, mean", "runs, best", "draws"]
    return table(header, rows)


def wise_ft() -> str:
    """The curve from M0 to a run."""
    curve = tree("wise_ft.json")["curve"]
    others = list(curve[0]["others"])
    rows = [
        [
            f"{point['alpha']:g}",
            f"{100 * point['score']:.2f}",
            *(f"{100 * point['others'][name]:.2f}" for name in others),
            f"{point['similarity']:.3f}",
        ]
        for point in curve
    ]
    probes = [f"{name}, probe" for name in others]
    return table(["alpha", "BANKING77, dev", *probes, "cosine with M0"], rows)
