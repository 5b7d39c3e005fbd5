"""How many labels `tfsocial init` suspects, of real sets and of the same with wrong labels planted.

    python -m benchmarks.suspected_labels --data=FOLDER

Each set's train, at most 2,000 rows, as published and with 10, 20 and 40 % of the labels exchanged
for another class's; results/suspected_labels.json has the shares. They say where the border between
hard and noisy lies: `init.recipe.NOISY`.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np

from tfsocial.checkpoints import community
from tfsocial.config import Model
from tfsocial.data.examples import Examples
from tfsocial.init import noise

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "suspected_labels.json"
SETS = {
    "banking77": "banking77/train.csv",
    "clinc150": "clinc150/train.csv",
    "trec6": "trec6/train.csv",
    "sst2": "sst2/train.csv",
    "snips7": "snips7/train.csv",
    "airline_opinion": "airline_opinion/train.csv",
    "sentfin": "sentfin/train.csv",
    "stock_tweets": "stock_tweets/train.csv",
    "sib200 English": "sib200_zh_en/en_train.csv",
    "help desk": str(HERE.parent / "tfsocial" / "demo" / "train.csv"),
}
PLANTED = (0.0, 0.1, 0.2, 0.4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    embedder = community.of_config(Model()).embedder("mean", 128)
    found = {}
    for name, file in SETS.items():
        texts, labels = read(options.data / file)
        vectors = embedder(Examples.of_texts(texts))
        found[name] = {
            str(share): round(noise.suspected(vectors, planted(labels, share)), 3)
            for share in PLANTED
        }
        print(name, found[name], flush=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def read(file: Path) -> tuple[list[str], np.ndarray]:
    """Read the texts of at most so many rows, and their classes as numbers."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"]]
    some = np.random.default_rng(0).permutation(len(rows))[: noise.MOST_ROWS]
    names = [rows[row]["label"] for row in some]
    return [rows[row]["text"] for row in some], np.unique(names, return_inverse=True)[1]


def planted(labels: np.ndarray, share: float) -> np.ndarray:
    """Exchange a share of the labels for those of other classes."""
    random = np.random.default_rng(1)
    wrong, classes = random.random(len(labels)) < share, labels.max() + 1
    other = (labels + random.integers(1, classes, len(labels))) % classes
    return np.where(wrong, other, labels)


if __name__ == "__main__":
    main()
