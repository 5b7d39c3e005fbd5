"""What each objective costs: time of a training step with it over one without.

    python -m benchmarks.cost [--only=NAME ...] [--rounds=3] [--steps=10]

The help desk's texts in packed rows, MiniLM-L6, precision and compiler as `--device=cpu` chooses
them. Each round times plain `L`, then every term beside `L` (a loss of `L` in place of
cross-entropy), so that a machine's bad minutes hit all alike; a ratio is the median over rounds
of a term's time over the plain step's of the same round. Written to results/cost.json after each
round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from tfsocial import config
from tfsocial.config import Config
from tfsocial.objectives import table
from tfsocial.training import devices
from tfsocial.training.prepare import prepare

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "cost.json"
PLAIN = "plain L"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="names of objectives; left out, all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    names = [name for name in trees() if not options.only or name in options.only]
    seconds: dict[str, list[float]] = defaultdict(list)
    for place in range(options.rounds):
        for name in [PLAIN, *(name for name in names if name != PLAIN)]:
            seconds[name].append(timed(trees()[name], options.steps))
            print(f"round {place + 1}: {name} {1000 * seconds[name][-1]:.0f} ms", flush=True)
        keep(options.results, seconds)


def trees() -> dict[str, dict]:
    """Name -> the part of a config that has this objective beside (or as) L."""
    found = {PLAIN: {}}
    for name in table.TASK:
        if "classify" in table.KINDS[name] and name != "cross_entropy":
            found[name] = {"tasks": {"intent": {"column": "label", "loss": {"name": name}}}}
    for part, menu in (("community", table.COMMUNITY), ("papers", table.PAPERS)):
        found |= {name: {"objectives": {part: {name: {}}}} for name in menu}
    found["mean_teacher"]["training"] = {"ema": 0.99}
    found["cutoff"]["data"] = {"view": [{"cutoff": {}}]}
    return found


def timed(tree: dict, steps: int) -> float:
    """Median seconds of a step after three to warm up."""
    step, batches = step_of(settings(tree))
    taken = []
    for _ in range(steps + 3):
        began = time.perf_counter()
        float(step(batches)["loss"])
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[3:])


def settings(tree: dict) -> Config:
    demo = config.load(HERE.parent / "configs" / "demo.yaml").model_dump(mode="json")
    data = {**demo["data"], **tree.get("data", {})}
    return config.parse({**demo, "objectives": {}, **tree, "data": data})


def step_of(chosen: Config) -> tuple[Callable, Iterator]:
    """The train function of a config and its batches."""
    with tempfile.TemporaryDirectory() as workdir:
        ready = prepare(chosen, Path(workdir), devices.choose("cpu", chosen.training))
    return ready.model.make_train_function(), iter(ready.training_batches())


def keep(path: Path, seconds: dict[str, list[float]]) -> None:
    """Ratios to the plain step of the same round, and what they were made from."""
    ratios = {
        name: statistics.median(t / plain for t, plain in zip(times, seconds[PLAIN], strict=True))
        for name, times in seconds.items()
        if name != PLAIN
    }
    document = {
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "seconds": {name: [round(t, 4) for t in times] for name, times in seconds.items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
