"""How many labels are right once they have spread in M0's vectors, before anything is trained.

    python -m benchmarks.label_propagation --data=DIR --noisy=NOISY \\
        --results=benchmarks/results/label_propagation.jsonl

DIR holds one folder per data set, NOISY what noisy_labels.py wrote. A line of the pool is one of
the draws of few_shot/recipes_pool.yaml and counts the rows of its pool whose text kept no
label; a line of wrong labels counts all of a set's train. `spread` is what L0/label_propagation
teaches, with the settings of its recipes; `regression` what a logistic regression on M0's vectors,
from which it starts, says of the same texts.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality import keep
from tfsocial import config
from tfsocial.models import inference
from tfsocial.training import devices
from tfsocial.training.label_propagation import C
from tfsocial.training.prepare import Prepared, prepare

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
HIDDEN = 384  # of all-MiniLM-L6-v2
PROBED = [
    *("model.head_init=probe", "model.head_normalize=true"),
    f"model.probe_c={C / HIDDEN}",  # heads read vectors of the length sqrt(384), not 1
]
OWN = {"licence": "CC-BY-4.0", "splits": {"train": "train.csv"}, "rate": 1.0}
POOL = {"own": OWN, "pool": {**OWN, "tasks": [], "rate": 4.0}}
WRONG = {
    "banking77": ("intent", []),
    "trec6": ("coarse", ["data.licence_ack=scores", "tasks={coarse: {column: label}}"]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--noisy", type=Path, required=True, help="the same with wrong labels")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    for seed in range(options.draws):
        keep(options.results, of_pool(options.data / "banking77", seed))
    for name in WRONG:
        keep(options.results, of_wrong_labels(options.data / name, options.noisy / name))


def of_pool(data: Path, seed: int) -> dict:
    """The line of a draw."""
    mixture = [f"data.mixture={json.dumps(POOL)}", "data.splits={}", "data.shots=10"]
    mixture.append("data.epoch_examples=12000")
    ready = prepared(data, "pool", [*mixture, f"seed={seed}"])
    train = ready.texts.corpus.splits["train"]
    labelled = train.labels["intent"] >= 0
    known = {text for text, has in zip(train.text, labelled, strict=True) if has}
    asked = np.array([text not in known for text in train.text])
    return {"name": "banking77 10-shot pool", "seed": seed} | right(ready, "intent", data, asked)


def of_wrong_labels(data: Path, noisy: Path) -> dict:
    """The line of a set."""
    task, more = WRONG[data.name]
    ready = prepared(noisy, "noisy_labels", more)
    labels = ready.texts.corpus.splits["train"].labels[task]
    found = right(ready, task, data, labels >= 0)
    kept = round(float(np.mean(labels == truth(ready, task, data))), 4)
    return {"name": f"{data.name}, wrong labels", "given": kept} | found


def prepared(data: Path, recipe: str, more: Sequence[str]) -> Prepared:
    """A run by a recipe before its first step, its heads a regression on M0."""
    overrides = [f"data.root={data}", "data.splits={train: train.csv}", *PROBED, *more]
    files = [CONFIGS / f"{data.name}.yaml", CONFIGS / "recipes" / f"{recipe}.yaml"]
    chosen = config.load(files, overrides)
    with tempfile.TemporaryDirectory() as workdir:
        return prepare(chosen, Path(workdir), devices.choose("cpu", chosen.training))


def right(ready: Prepared, task: str, data: Path, asked: np.ndarray) -> dict:
    """How many rows are asked for, and shares of them with the right label."""
    model = ready.model.text_model
    guessed = inference.predict(model, ready.evaluation_batches("train"))[task]
    answers = {"spread": ready.model.given.spread[task].numpy(), "regression": guessed}
    expected = truth(ready, task, data)
    shares = {who: np.mean((said.argmax(1) == expected)[asked]) for who, said in answers.items()}
    return {"rows": int(asked.sum())} | {who: round(float(x), 4) for who, x in shares.items()}


def truth(ready: Prepared, task: str, data: Path) -> np.ndarray:
    """The right label of each of train's examples, [n]."""
    with (data / "train.csv").open(encoding="utf-8", newline="") as file:
        labels: Mapping[str, str] = {row["text"]: row["label"] for row in csv.DictReader(file)}
    names = ready.texts.corpus.label_names[task]
    return np.array([names.index(labels[text]) for text in ready.texts.corpus.splits["train"].text])


if __name__ == "__main__":
    main()
