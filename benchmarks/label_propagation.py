"""How many labels are right once they have spread in M0's vectors, before anything is trained.

    python -m benchmarks.label_propagation --data=DIR --noisy=NOISY \\
        --results=benchmarks/results/label_propagation.jsonl

DIR holds one folder per data set, NOISY what noisy_labels.py wrote. The runs are those of
few_shot/recipes_pool.yaml, of which the rows of the pool are counted whose text kept no label (the
second has another run go before, whose vectors lie beside M0's), and the recipe's of
noisy_labels.yaml, seed 0, of which all of train's. `spread` is what L0/label_propagation teaches;
`regression` what a logistic regression on M0's vectors, from which the first spreads, says of the
same rows.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import quality
from tfsocial import config
from tfsocial.models import inference
from tfsocial.runs.prepare import Prepared, prepare
from tfsocial.training import devices
from tfsocial.training.providers.propagated_labels import C

HERE = Path(__file__).parent
HIDDEN = 384  # of all-MiniLM-L6-v2
PROBED = [
    *("model.head_init=probe", "model.head_normalize=true"),
    f"model.probe_c={C / HIDDEN}",  # heads read vectors of the length sqrt(384), not 1
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--noisy", type=Path, required=True, help="the same with wrong labels")
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    for experiment in planned("few_shot/recipes_pool.yaml"):
        for seed in experiment["seeds"]:
            line = of_pool(experiment, seed, options.data)
            quality.keep(options.results, line)
    for experiment in planned("noisy_labels.yaml", ": recipe"):
        line = of_wrong_labels(experiment, options.data, options.noisy)
        quality.keep(options.results, line)


def planned(plan: str, variation: str = "") -> list[Mapping[str, Any]]:
    """A plan's experiments, all or those of one variation."""
    experiments = quality.listed(yaml.safe_load((HERE / plan).read_text(encoding="utf-8")))
    return [one for one in experiments if one["name"].endswith(variation)]


def of_pool(experiment: Mapping[str, Any], seed: int, data: Path) -> dict:
    """The line of a draw."""
    with tempfile.TemporaryDirectory() as folder:
        first = quality.run_first(experiment, seed, data, Path(folder), os.sched_getaffinity(0))
        ready = prepared(experiment, seed, data, first)
    text, labels = train_of(ready)
    known = set(np.array(text)[labels >= 0])
    asked = np.array([one not in known for one in text])
    found = right(ready, truth(ready, data / experiment["data"]), asked)
    return {"name": experiment["name"], "seed": seed} | found


def of_wrong_labels(experiment: Mapping[str, Any], data: Path, noisy: Path) -> dict:
    """The line of a set."""
    ready = prepared(experiment, 0, noisy)
    labels, expected = train_of(ready)[1], truth(ready, data / experiment["data"])
    given = round(float(np.mean(labels == expected)), 4)
    return {"name": experiment["name"], "given": given} | right(ready, expected, labels >= 0)


def prepared(
    experiment: Mapping[str, Any], seed: int, data: Path, given: Sequence[str] = ()
) -> Prepared:
    """A run before its first step, its heads a regression on M0; these overrides over its own."""
    file = HERE.parent / "configs" / f"{experiment['config']}.yaml"
    chosen = config.load(file, [*quality.overrides(experiment, seed, data), *PROBED, *given])
    with tempfile.TemporaryDirectory() as workdir:
        return prepare(chosen, Path(workdir), devices.choose("cpu", chosen.training))


def train_of(ready: Prepared) -> tuple[list[str], np.ndarray]:
    """Texts [n] of train and the labels [n] of the run's one task, -1 where there is none."""
    train = ready.texts.corpus.splits["train"]
    (labels,) = train.labels.values()
    return list(train.text), labels


def right(ready: Prepared, expected: np.ndarray, asked: np.ndarray) -> dict:
    """How many rows are asked for, and shares of them with the right label."""
    (spread,) = ready.model.formula.constants["propagated_labels"].values()
    batches = ready.evaluation_batches("train")
    (guessed,) = inference.predict(ready.model.text_model, batches).values()
    answers = {"spread": spread.numpy(), "regression": guessed}
    shares = {who: np.mean((said.argmax(1) == expected)[asked]) for who, said in answers.items()}
    return {"rows": int(asked.sum())} | {who: round(float(x), 4) for who, x in shares.items()}


def truth(ready: Prepared, data: Path) -> np.ndarray:
    """The right label of each of train's examples, [n]."""
    labels = {}
    for name in ("train.csv", "dev.csv"):  # some runs learn from both
        with (data / name).open(encoding="utf-8", newline="") as file:
            labels |= {row["text"]: row["label"] for row in csv.DictReader(file)}
    (names,) = ready.texts.corpus.label_names.values()
    return np.array([names.index(labels[text]) for text in train_of(ready)[0]])


if __name__ == "__main__":
    main()
