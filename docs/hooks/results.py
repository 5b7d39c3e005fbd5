"""Read benchmarks/results and write its numbers as a reader sees them."""

from __future__ import annotations

import functools
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks" / "results"
Seeds = Mapping[int, float]  # seed or draw -> its number


@functools.cache
def lines(file: str) -> tuple[Mapping[str, Any], ...]:
    """Read a .jsonl file of results; one mapping a line."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


@functools.cache
def tree(file: str) -> Mapping[str, Any]:
    """Read a .json file of results."""
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))


def scores(
    file: str, name: str, score: str = "accuracy", task: str | None = None, split: str = "test"
) -> dict[int, float]:
    """Collect an experiment's score by seed, in points of a hundred; the first task's by default.

    Raises:
        KeyError: the file has no such experiment.

    >>> len(scores("quality.jsonl", "banking77"))
    3
    """
    found = {
        line["seed"]: 100 * _of_task(line["scores"][split], task)[score]
        for line in lines(file)
        if line["name"] == name
    }
    if not found:
        raise KeyError(f"{file} has no {name!r}")
    return found


def _of_task(tasks: Mapping[str, Mapping[str, float]], task: str | None) -> Mapping[str, float]:
    return tasks[task or next(iter(tasks))]


def names(file: str, beginning: str) -> list[str]:
    """List what follows 'BEGINNING: ' in the experiments' names, each once."""
    found = [line["name"].partition(": ") for line in lines(file)]
    return list(dict.fromkeys(name for first, _, name in found if first == beginning))


def gains(own: Seeds, against: Seeds) -> list[float]:
    """Subtract one's numbers from another's on the seeds that both have."""
    return [value - against[seed] for seed, value in own.items() if seed in against]


def mean_range(values: Iterable[float], digits: int = 2, count: bool = True) -> str:
    """Write a mean with its lowest and highest value, and of how many.

    >>> mean_range([1.0, 2.0]), mean_range([1.0])
    ('1.50 (1.00 to 2.00, 2)', '1.00 (1)')
    """
    numbers = list(values)
    many = f", {len(numbers)}" if count else ""
    ends = f"{min(numbers):.{digits}f} to {max(numbers):.{digits}f}"
    within = f"{ends}{many}" if len(numbers) > 1 else f"{len(numbers)}"
    return f"{statistics.mean(numbers):.{digits}f} ({within})"


def mean_deviation(values: Sequence[float]) -> str:
    """Write a mean of differences with its sign and standard deviation."""
    return f"{statistics.mean(values):+.1f} ± {statistics.stdev(values):.1f}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a Markdown table.

    >>> print(table(["a", "b"], [[1, "x"]]))
    | a | b |
    |---|---|
    | 1 | x |
    """
    body = [header, ["---"] * len(header), *rows]
    return "\n".join(
        f"|{'|'.join(row)}|" if row[0] == "---" else f"| {' | '.join(map(str, row))} |"
        for row in body
    )
