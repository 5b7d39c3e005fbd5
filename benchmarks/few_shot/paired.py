"""What each variation gained over plain L on the same draws, from the lines quality.py kept.

    python benchmarks/few_shot/paired.py results/few_shot_screening.jsonl [--score=accuracy]

A gain is the mean over draws of a variation's score less L's on the same draw, in points, beside
the standard deviation of these differences.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

PLAIN = "L"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--score", default="accuracy")
    parser.add_argument(
        "--against", default=PLAIN, help="the variation that gains are counted from"
    )
    options = parser.parse_args()
    lines = map(json.loads, options.results.read_text(encoding="utf-8").splitlines())
    for name, varied in scores(lines, options.score).items():
        print(table(name, varied, options.against), end="\n\n")


def scores(lines: Iterator[Mapping], score: str) -> dict[str, dict[str, dict[int, float]]]:
    """Set -> variation -> seed -> points on the split that was reported."""
    found: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        name, _, variation = line["name"].partition(": ")
        tasks = line["scores"]["test"]
        value = statistics.mean(task[score] for task in tasks.values())
        found[name][variation][line["seed"]] = 100 * value
    return found


def table(name: str, varied: Mapping[str, Mapping[int, float]], against: str) -> str:
    """Markdown, the best first."""
    rows = [(*gained(own, varied[against]), variation) for variation, own in varied.items()]
    lines = [
        f"| {name} | mean | gain | deviation | draws | minimum | maximum |",
        "|---|" + "---|" * 6,
    ]
    for gain, deviation, own, variation in sorted(rows, reverse=True):
        values = list(own.values())
        lines.append(
            f"| {variation} | {statistics.mean(values):.2f} | {gain:+.2f} | {deviation:.2f} "
            f"| {len(values)} | {min(values):.2f} | {max(values):.2f} |"
        )
    return "\n".join(lines)


def gained(
    own: Mapping[int, float], plain: Mapping[int, float]
) -> tuple[float, float, Mapping[int, float]]:
    """Mean and standard deviation of the differences on the draws both have; and the scores."""
    apart = [own[seed] - plain[seed] for seed in own if seed in plain]
    return statistics.mean(apart), statistics.stdev(apart) if len(apart) > 1 else 0.0, own


if __name__ == "__main__":
    main()
