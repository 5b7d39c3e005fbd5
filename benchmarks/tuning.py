"""How soon `tune` finds what random search finds: best dev score by steps taken.

    python -m benchmarks.tuning --data=DIR --work=DIR [--sets=trec6 ...] [--trials=24]

For each set one random search without pruning, and one with TPE and ASHA, of the same space
(configs/spaces/few_labels.yaml), number of trials and seed. What the second has found after 40 %
of the first one's steps is compared with the first one's best. Searches lie in --work and go on
there; a pair is one line of results/tuning.jsonl. The few-label draw is that of seed 0; dev is
dev.csv, and test.csv is read once for each winner.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks import quality
from tfsocial import api
from tfsocial.tuning.report import Row, Tuned

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "tuning.jsonl"
SPACE = HERE.parent / "configs" / "spaces" / "few_labels.yaml"
SHARE = 0.4  # of random search's steps
SETS = {
    "banking77": ["data.shots=10"],
    "trec6": ["data.shots=16", "data.licence_ack=scores", "tasks={coarse: {column: label}}"],
}
SEARCHES = {"random": ("random", "none"), "tpe": ("tpe", "asha")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for the searches")
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--trials", type=int, default=24)
    options = parser.parse_args()
    for name in options.sets:
        line = compare(name, options.data, options.work, options.trials)
        quality.keep(RESULTS, line)
        print(json.dumps(line, indent=1))


def compare(name: str, data: Path, work: Path, trials: int) -> dict[str, object]:
    """Searches both ways on one set; the line to keep."""
    found = {
        how: search(name, data, work / f"{name}-{how}", trials, *kinds)
        for how, kinds in SEARCHES.items()
    }
    steps = sum(row.steps for row in found["random"].rows)
    return {
        "set": name,
        "trials": trials,
        "steps": {how: sum(row.steps for row in one.rows) for how, one in found.items()},
        "best": {how: best(one.rows) for how, one in found.items()},
        "tpe_at_share": best(within(found["tpe"].rows, SHARE * steps)),
        "random_at_share": best(within(found["random"].rows, SHARE * steps)),
        "test": {how: test(one) for how, one in found.items()},
        "states": {how: [row.state for row in one.rows] for how, one in found.items()},
        "drawn": {how: dict(one.rows[one.best].drawn) for how, one in found.items()},
        "importance": dict(found["random"].importance),
        "machine": quality.processor(),
        "revision": quality.revision(),
    }


def search(name: str, data: Path, output: Path, trials: int, sampler: str, pruner: str) -> Tuned:
    return api.tune(
        [HERE.parent / "configs" / f"{name}.yaml", "recipe:few_shot"],
        SPACE,
        output,
        trials=trials,
        sampler=sampler,
        pruner=pruner,
        overrides=[
            f"data.root={data / name}",
            "data.splits={train: train.csv, dev: dev.csv, test: test.csv}",
            *SETS[name],
        ],
    )


def within(rows: Sequence[Row], steps: float) -> list[Row]:
    """The trials that were over by so many steps of all.

    >>> rows = [Row(0, "complete", 0.5, {}, 10), Row(1, "pruned", 0.4, {}, 4)]
    >>> [row.number for row in within(rows, 12)]
    [0]
    """
    kept, taken = [], 0
    for row in rows:
        taken += row.steps
        if taken > steps:
            break
        kept.append(row)
    return kept


def best(rows: Sequence[Row]) -> float | None:
    """The highest score of a trial that came to its end."""
    return max((row.score for row in rows if row.state == "complete"), default=None)


def test(tuned: Tuned) -> float | None:
    """The winner's accuracy on test."""
    last = tuned.tests[-1]
    (task,) = next(iter(last.of_seeds.values()))
    return last.mean(task, "accuracy")


if __name__ == "__main__":
    main()
