"""Which texts to label: what a choice of them is worth, on frozen vectors and with a recipe.

    python -m benchmarks.selection --data=DIR --work=DIR [--only SET ...] [--recipe]

DIR of --data holds one folder per data set, --work keeps vectors and chosen texts. Texts are chosen
in rounds, as many as a set's budgets say, from its train split whose labels nobody sees before
they are chosen. On frozen vectors a logistic regression on what is chosen is scored on test after
each round, balanced over classes; with --recipe the recipe for few labels trains on what was
chosen in the end (accuracy, of CLINC150 in scope). A skewed pool has 1 / rank ** skew as many
texts of the class of a rank as of the first, in an order drawn by the seed, five at the least.
One line of results/selection.jsonl is a set, a strategy and a seed; finished lines are kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from benchmarks import quality
from tfsocial.config import Model
from tfsocial.metrics.probe import Probe
from tfsocial.selection import auto, vectors
from tfsocial.selection.contract import Candidates
from tfsocial.selection.readers import CheckpointReader
from tfsocial.selection.strategies.table import STRATEGIES

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "selection.jsonl"
RECIPE = HERE.parent / "tfsocial" / "recipes" / "few_shot.yaml"
SEEDS = range(5)
FROM_THE_START = ("random", "typi_clust", "auto")
AFTER_A_COLD_START = ("typi_margin", "margin", "badge", "entropy")


@dataclass(frozen=True)
class Set:
    """A data set, and how many labels there are after each round.

    Attributes:
        skew: of its pool.
        config: of the recipe's runs, and what they change.
    """

    data: str
    budgets: tuple[int, ...]
    skew: float = 0.0
    outside: str | None = None
    config: dict[str, Any] = field(default_factory=dict)


INTENTS = {"training.epochs": 8}
SMALL = {"training.epochs": 20, "data.licence_ack": "only scores are published, no model"}
SETS = {
    "clinc150": Set("clinc150", (150, 300, 450, 600, 900, 1200), outside="oos", config=INTENTS),
    "banking77": Set("banking77", (77, 154, 231, 308, 462, 616), config=INTENTS),
    "trec6": Set("trec6", (6, 12, 25, 50, 100, 150), config=SMALL),
    "sst2": Set("sst2", (10, 20, 50, 100), config={**SMALL, "training.epochs": 30}),
    "snips7": Set("snips7", (7, 14, 28, 56, 112)),
    "goemotions": Set("goemotions", (28, 56, 112, 224, 448)),
    "banking77, skew 0.5": Set("banking77", (77, 154, 231, 308, 462, 616), 0.5),
    "banking77, skew 1": Set("banking77", (77, 154, 231, 308, 462, 616), 1.0),
    "clinc150, skew 0.5": Set("clinc150", (150, 300, 450, 600, 900, 1200), 0.5, "oos"),
    "clinc150, skew 1": Set("clinc150", (150, 300, 450, 600, 900, 1200), 1.0, "oos"),
}
TASKS = {"trec6": "coarse", "sst2": "sentiment"}


class Texts(NamedTuple):
    """Of a split: texts, vectors float32 [n, hidden], labels as strings [n]."""

    texts: np.ndarray
    vectors: np.ndarray
    labels: np.ndarray

    def taken(self, rows: np.ndarray) -> Texts:
        return Texts(*(column[rows] for column in self))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for vectors and runs")
    parser.add_argument("--only", nargs="*", help="names of sets; left out, all")
    parser.add_argument("--recipe", action="store_true", help="train on what is chosen")
    parser.add_argument("--strategies", nargs="*", help="left out, random and auto for a recipe")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    options = parser.parse_args()
    reader = CheckpointReader(Model())
    done = {(line["set"], line["strategy"], line["seed"], line["by"]) for line in lines()}
    for name, chosen in SETS.items():
        if not options.only or name in options.only:
            for seed in SEEDS[: options.seeds]:
                for line in measured(name, chosen, seed, options, reader, done):
                    quality.keep(RESULTS, {**line, "revision": quality.revision()})


def lines() -> list[dict[str, Any]]:
    return quality.lines(RESULTS)


def measured(
    name: str, of: Set, seed: int, options: argparse.Namespace, reader, done
) -> Iterator[dict[str, Any]]:
    """The lines of a set and a seed that are not there yet."""
    by = "recipe" if options.recipe else "regression"
    every = ("random", "auto") if options.recipe else (*FROM_THE_START, *AFTER_A_COLD_START)
    strategies = options.strategies or every
    strategies = [one for one in strategies if (name, one, seed, by) not in done]
    if not strategies or (options.recipe and (of.skew or not of.config)):
        return
    train, test = (read(options, of, split, reader) for split in ("train", "test"))
    pool = skewed(train, of.skew, np.random.default_rng(seed)) if of.skew else train
    for strategy in strategies:
        until = RECIPE_BUDGET.get(name, of.budgets[-1]) if options.recipe else of.budgets[-1]
        budgets = [budget for budget in of.budgets if budget <= until]
        rounds = [*chosen_in_rounds(strategy, pool, budgets, seed)]
        line = {"set": name, "strategy": strategy, "seed": seed, "by": by, "budgets": budgets}
        if options.recipe:
            found = trained(of, pool.taken(rounds[-1]), test, strategy, seed, options)
            yield {**line, "budgets": [until], **found}
        else:
            scores = [score(pool.taken(rows), test) for rows in rounds]
            yield {**line, "pool": len(pool.labels), "balanced_accuracy": scores}


RECIPE_BUDGET = {"clinc150": 600, "banking77": 308}


def read(options: argparse.Namespace, of: Set, split: str, reader) -> Texts:
    """A split in scope, of texts with one label."""
    with (options.data / of.data / f"{split}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    column = "label" if "label" in rows[0] else "labels"
    rows = [row for row in rows if row[column] != of.outside and "|" not in row[column]]
    texts = [(row["text"],) for row in rows]
    return Texts(
        np.array([text for (text,) in texts]),
        np.array(vectors.numbers(texts, reader, options.work / "vectors")),
        np.array([row[column] for row in rows]),
    )


def skewed(texts: Texts, skew: float, random: np.random.Generator) -> Texts:
    """A pool in which classes are not alike in number."""
    names, index = np.unique(texts.labels, return_inverse=True)
    ranks = random.permutation(len(names))
    most = np.bincount(index).max()
    sizes = np.maximum(5, most / (1 + ranks) ** skew).astype(int)
    rows = [random.permutation(np.flatnonzero(index == one))[: sizes[one]] for one in set(index)]
    return texts.taken(np.concatenate(rows))


def chosen_in_rounds(
    strategy: str, pool: Texts, budgets: Sequence[int], seed: int
) -> Iterator[np.ndarray]:
    """Rows of the pool that have a label after each round."""
    random = np.random.default_rng(seed)
    chosen = np.zeros(0, np.int64)
    for budget in budgets:
        free = np.setdiff1d(np.arange(len(pool.labels)), chosen)
        names, labels = np.unique(pool.labels[chosen], return_inverse=True)
        known = len(names) > 1
        p = Probe(pool.vectors[chosen], labels)(pool.vectors[free]) if known else None
        if strategy == "auto" or (strategy in AFTER_A_COLD_START and p is None):
            name = auto.automatic(np.bincount(labels), p).name
        else:
            name = strategy
        candidates = Candidates(pool.vectors[free], pool.vectors[chosen], p, random)
        rows = STRATEGIES[name](candidates, budget - len(chosen))
        chosen = np.concatenate([chosen, free[rows]])
        yield chosen


def score(chosen: Texts, test: Texts) -> float:
    """Accuracy of a regression on what is chosen, the mean over test's classes."""
    said = answers(chosen, test)
    right = [np.mean(said[test.labels == one] == one) for one in np.unique(test.labels)]
    return round(float(np.mean(right)), 5)


def answers(chosen: Texts, test: Texts) -> np.ndarray:
    """Labels [n] that a regression on what is chosen gives to test."""
    names, labels = np.unique(chosen.labels, return_inverse=True)
    return names[Probe(chosen.vectors, labels)(test.vectors).argmax(1)]


def trained(
    of: Set, chosen: Texts, test: Texts, strategy: str, seed: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Scores of the recipe's run on what is chosen."""
    folder = options.work / "runs" / f"{of.data}-{strategy}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    splits = {
        "train": write(folder / "train.csv", chosen),
        "test": write(folder / "test.csv", test),
    }
    recipe = yaml.safe_load(RECIPE.read_text("utf-8"))
    settings = {
        **{
            f"{section}.{key}": value
            for section, keys in recipe.items()
            for key, value in keys.items()
        },
        "data.splits": splits,
        "report.baselines": False,
        **of.config,
    }
    # Every label is named, since not one text of a class may be chosen.
    task, names = TASKS.get(of.data, "intent"), sorted({*chosen.labels, *test.labels})
    settings["tasks"] = {task: {"column": "label", "labels": names}}
    plan = {"name": of.data, "config": of.data, "data": of.data, "set": settings}
    quality.train(plan, seed, options.data, folder / "run", os.sched_getaffinity(0))
    shutil.rmtree(folder / "run" / "checkpoints", ignore_errors=True)
    report = json.loads((folder / "run" / "report.json").read_text("utf-8"))
    return {"test": {task: quality.numbers(found) for task, found in report["test"].items()}}


def write(path: Path, texts: Texts) -> str:
    """Writes texts with their labels; the path as a config has it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), *zip(texts.texts, texts.labels, strict=True)]
        )
    return str(path.absolute())


if __name__ == "__main__":
    main()
