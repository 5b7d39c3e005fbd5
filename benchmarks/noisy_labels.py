"""Writes data sets with wrong labels, to see what a formula makes of them.

    python -m benchmarks.noisy_labels --data=DIR --output=NOISY
    python benchmarks/quality.py --data=NOISY --plan=benchmarks/noisy_labels.yaml \\
        --results=benchmarks/results/noisy_labels.jsonl --jobs=2

In train and in dev a share of the rows, drawn by chance, have another class of the set instead of
their own, each as likely as the others; test is as it was. The same rows whoever draws them.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np

SHARES = {"banking77": 0.2, "trec6": 0.4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    for name, share in SHARES.items():
        (options.output / name).mkdir(parents=True, exist_ok=True)
        for number, split in enumerate(("train", "dev", "test")):
            rows = read(options.data / name / f"{split}.csv")
            if split != "test":
                rows = noisy(rows, share, seed=number)
            write(options.output / name / f"{split}.csv", rows)


def noisy(rows: list[dict[str, str]], share: float, seed: int) -> list[dict[str, str]]:
    """So many of the rows, rounded, with a wrong label.

    >>> rows = [{"label": label} for label in "aabbcc"]
    >>> changed = noisy(rows, share=0.5, seed=0)
    >>> sum(one != other for one, other in zip(rows, changed))
    3
    """
    chance = np.random.default_rng(seed)
    classes = sorted({row["label"] for row in rows})
    wrong = set(chance.permutation(len(rows))[: round(share * len(rows))].tolist())
    return [
        {**row, "label": _another(row["label"], classes, chance)} if number in wrong else row
        for number, row in enumerate(rows)
    ]


def _another(label: str, classes: list[str], chance: np.random.Generator) -> str:
    place = classes.index(label) + int(chance.integers(1, len(classes)))
    return classes[place % len(classes)]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
