"""What the labelling page says, and what is true: errors it suspects, accuracy it expects.

    python -m benchmarks.labelling --data=DIR --work=DIR

Errors: 5 % of BANKING77's train, 9,003 rows, get another class's label, drawn evenly; a regression
on M0's vectors in folds ranks them (`metrics.label_errors`). Curves: after each round of labels of
`benchmarks.selection`, chosen by auto or at random, what `learning_curve` expects at the next round
beside the accuracy on test that comes then. --work keeps vectors. results/labelling.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from benchmarks import selection
from tfsocial.config import Model
from tfsocial.metrics import label_errors
from tfsocial.metrics.probe import fitted_temperature, out_of_fold_logits
from tfsocial.selection.learning_curve import learning_curve
from tfsocial.selection.readers import CheckpointReader

RESULTS = Path(__file__).parent / "results" / "labelling.json"
SHARE = 0.05
SEEDS = range(3)
CURVES = ("banking77", "trec6", "sst2", "clinc150")
BEFORE = 20  # labels below which nothing is expected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors")
    options = parser.parse_args()
    reader = CheckpointReader(Model())
    train = selection.read(options, selection.SETS["banking77"], "train", reader)
    found: dict[str, Any] = {"errors": [errors(train, seed) for seed in SEEDS], "curves": []}
    for name in CURVES:
        found["curves"] += curves(name, options, reader)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def errors(train: selection.Texts, seed: int) -> dict[str, float]:
    """How many planted errors are among those suspected, and of the planted how many are."""
    random = np.random.default_rng(seed)
    names, truth = np.unique(train.labels, return_inverse=True)
    wrong = random.random(len(truth)) < SHARE
    other = (truth + random.integers(1, len(names), len(truth))) % len(names)
    labels = np.where(wrong, other, truth)
    logits = out_of_fold_logits(train.vectors, labels, len(names))
    p = special.softmax(logits / fitted_temperature(logits, labels), axis=1)
    by_learning = label_errors.suspected(p, labels)
    return {
        "seed": seed,
        "rows": len(labels),
        **_both("", wrong, label_errors.suspects(p, labels)),
        **_both("confident_learning_", wrong, np.flatnonzero(by_learning)),
    }


def _both(prefix: str, wrong: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    right = int(wrong[rows].sum())
    return {
        f"{prefix}precision": round(right / len(rows), 4),
        f"{prefix}recall": round(right / int(wrong.sum()), 4),
    }


def curves(name: str, options: argparse.Namespace, reader) -> Iterator[dict[str, Any]]:
    """What is expected at the next round, and what comes."""
    of = selection.SETS[name]
    train, test = (selection.read(options, of, split, reader) for split in ("train", "test"))
    for strategy in ("auto", "random"):
        for seed in SEEDS:
            rounds = [*selection.chosen_in_rounds(strategy, train, of.budgets, seed)]
            scores = [accuracy(train.taken(rows), test) for rows in rounds]
            for place, rows in enumerate(rounds[:-1]):
                curve = expected(train, rows) if len(rows) >= BEFORE else None
                if curve is not None:
                    middle, low, high = curve.at(of.budgets[place + 1])
                    yield {
                        "set": name,
                        "strategy": strategy,
                        "seed": seed,
                        "labels": [of.budgets[place], of.budgets[place + 1]],
                        "expected": round(middle, 4),
                        "band": [round(low, 4), round(high, 4)],
                        "came": round(scores[place + 1], 4),
                        "gain_expected": round(middle - curve.at(of.budgets[place])[0], 4),
                        "gain_came": round(scores[place + 1] - scores[place], 4),
                    }


def expected(train: selection.Texts, rows: np.ndarray):
    _, labels = np.unique(train.labels[rows], return_inverse=True)
    rest = np.setdiff1d(np.arange(len(train.labels)), rows)
    return learning_curve(train.vectors[rows], labels, train.vectors[rest])


def accuracy(chosen: selection.Texts, test: selection.Texts) -> float:
    return float(np.mean(selection.answers(chosen, test) == test.labels))


if __name__ == "__main__":
    main()
