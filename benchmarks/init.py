"""What `tfsocial init` makes of real sets whose published splits are hidden from it.

    python -m benchmarks.init --data=FOLDER

Of each set's folder under FOLDER the splits are put into one table, in an order that tells nothing;
`init` looks at it, and the config that it writes, its open sentence filled in, takes two steps.
What it saw and chose goes to results/init.jsonl; a set that fails is named, exit code 1.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import tfsocial
from tfsocial.init.run import Written, init

RESULTS = Path(__file__).resolve().parent / "results" / "init.jsonl"
SPLITS = ("train", "dev", "test")
# Name -> the files of a set's splits, where they are not train.csv, dev.csv and test.csv.
TABLES: Mapping[str, tuple[str, Sequence[str]]] = {
    **{
        name: (name, [f"{split}.csv" for split in SPLITS])
        for name in (
            *("airline_opinion", "banking77", "clinc150", "crosswoz_zh", "goemotions", "sentfin"),
            *("sib200_zh_en", "snips7", "sst2", "stackfaq", "trec6"),
        )
    },
    "crosswoz_zh multilabel": ("crosswoz_zh", [f"multilabel_{split}.csv" for split in SPLITS]),
    "sib200 English": ("sib200_zh_en", [f"en_{split}.csv" for split in SPLITS]),
    "stock_tweets": ("stock_tweets", [*(f"{split}.csv" for split in SPLITS), "unlabelled.csv"]),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=TABLES, default=list(TABLES))
    options = parser.parse_args()
    failed = 0
    for name in options.only:
        with tempfile.TemporaryDirectory() as temporary:
            try:
                found = tried(options.data, name, Path(temporary))
            except tfsocial.InputError as error:
                found, failed = {"error": str(error)}, 1
        print(name, json.dumps(found, ensure_ascii=False), flush=True)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"set": name, **found}, ensure_ascii=False) + "\n")
    return failed


def tried(data: Path, name: str, folder: Path) -> dict[str, Any]:
    """What `init` made of one set, and how long that took."""
    table = folder / "table.csv"
    write_table([data / TABLES[name][0] / file for file in TABLES[name][1]], table)
    start = time.perf_counter()
    written = init(table, folder / "config")
    seconds = time.perf_counter() - start
    return {**seen(written), "seconds": round(seconds), "steps": steps(written, folder / "run")}


def write_table(files: Sequence[Path], target: Path) -> None:
    rows: list[dict[str, str]] = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            rows += csv.DictReader(stream)
    order = np.random.default_rng(0).permutation(len(rows))
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), restval="")
        writer.writeheader()
        writer.writerows(rows[row] for row in order)


def seen(written: Written) -> dict[str, Any]:
    facts, roles = written.facts, written.roles
    return {
        "text": list(roles.text),
        "tasks": {one.column: [one.kind, len(one.counts)] for one in roles.tasks},
        "others": [one.column for one in roles.others],
        "rows": written.rows,
        "repeated": facts.repeated,
        "conflicts": facts.conflicts,
        "script": facts.script,
        "unknown_tokens": round(facts.unknown, 3),
        "tokens": list(facts.tokens),
        "suspected_labels": None if facts.noise is None else round(facts.noise, 3),
        "recipe": written.recipe.name,
    }


def steps(written: Written, workdir: Path) -> str:
    """Train the config as it is written, two steps of it."""
    answer = dict.fromkeys(written.licence_keys, "a benchmark of init")
    limits = {"training.max_steps": 2, "report.baselines": False}
    config = tfsocial.load_config(written.config, overrides={**answer, **limits})
    run = tfsocial.train(config, workdir, device="cpu")
    return "taken" if run.report else "no report"


if __name__ == "__main__":
    sys.exit(main())
