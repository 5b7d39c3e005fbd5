"""Writes the few-shot draws as files, so that peers learn from the very examples tfsocial does.

    python -m benchmarks.few_shot.draws --data=DIR --output=DRAWS

DRAWS/SET-SHOTS-SEED.jsonl has `text` and `label` of each drawn example, in the order of train.csv.
They are those that a run with `data.shots` and `seed` of a config trains on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tfsocial import config
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.sampling import shots

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SETS = {"banking77": (8, 10), "clinc150": (10,), "trec6": (16,), "sst2": (16,)}
SEEDS = range(5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name, counts in SETS.items():
        for count in counts:
            settings = settings_of(name, count, options.data)
            data, tasks = settings.data, settings.tasks
            corpus = read_splits(data, tasks, options.output / "quarantine.jsonl")
            for seed in SEEDS:
                path = options.output / f"{name}-{count}-{seed}.jsonl"
                shots.draw(corpus, data, tasks, seed, path)
                keep_label(path, next(iter(tasks)))


def settings_of(name: str, count: int, data: Path) -> config.Config:
    """The set's config, reading train alone, with its first task only."""
    path = CONFIGS / f"{name}.yaml"
    changes = [f"data.root={data / name}", "data.splits={train: train.csv}", f"data.shots={count}"]
    whole = config.load(path, changes)
    first = next(iter(whole.tasks))
    return whole.model_copy(update={"tasks": {first: whole.tasks[first]}})


def keep_label(path: Path, task: str) -> None:
    """Leaves `text` and `label`, the same for every set."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps({"text": row["text"], "label": row[task]}) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
