"""What each objective costs: time of a training step with it over one without.

    python -m benchmarks.cost [--only=NAME ...] [--steps=15]

The help desk's texts in packed rows, MiniLM-L6, precision and compiler as `--device=cpu` chooses
them. Steps of plain `L` and of a term beside `L` (of a loss of `L`, in place of cross-entropy) are
taken in turns, so that a machine's bad minutes hit both alike; a ratio is that of their medians.
Written to results/cost.json after each term.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tfsocial import config
from tfsocial.config import Config
from tfsocial.objectives import table
from tfsocial.training import devices
from tfsocial.training.prepare import prepare

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "cost.json"
Step = tuple[Callable, Iterator]  # a train function and the batches it is fed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="names of objectives; left out, all")
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    found = {
        name: tree for name, tree in trees().items() if not options.only or name in options.only
    }
    plain, seconds = step_of(settings({})), {}
    for name, tree in found.items():
        seconds[name] = in_turns(step_of(settings(tree)), plain, options.steps)
        gc.collect()  # the model's variables, before the next one's
        with_term, without = map(statistics.median, seconds[name])
        print(f"{name:28} {1000 * with_term:5.0f} ms {with_term / without:6.2f}", flush=True)
        keep(options.results, seconds)


def trees() -> dict[str, dict]:
    """Name -> the part of a config that has this objective beside (or as) L."""
    found = {}
    for name in table.TASK:
        if "classify" in table.KINDS[name] and name != "cross_entropy":
            found[name] = {"tasks": {"intent": {"column": "label", "loss": {"name": name}}}}
    for part, menu in (("community", table.COMMUNITY), ("papers", table.PAPERS)):
        found |= {name: {"objectives": {part: {name: {}}}} for name in menu}
    found["mean_teacher"]["training"] = {"ema": 0.99}
    for name in ("cutoff", "uda", "fix_match"):
        found[name]["data"] = {"view": [{"cutoff": {}}]}
    return found


def in_turns(one: Step, other: Step, steps: int) -> tuple[list[float], list[float]]:
    """Seconds of each one's steps after three to warm up."""
    taken = [(timed(*one), timed(*other)) for _ in range(steps + 3)]
    first, second = zip(*taken[3:], strict=True)
    return list(first), list(second)


def timed(step: Callable, batches: Iterator) -> float:
    """Seconds of a step, to its end."""
    began = time.perf_counter()
    float(step(batches)["loss"])
    return time.perf_counter() - began


def settings(tree: dict) -> Config:
    demo = config.load(HERE.parent / "configs" / "demo.yaml").model_dump(mode="json")
    data = {**demo["data"], **tree.get("data", {})}
    return config.parse({**demo, "objectives": {}, **tree, "data": data})


def step_of(chosen: Config) -> Step:
    """The train function of a config and its batches."""
    with tempfile.TemporaryDirectory() as workdir:
        ready = prepare(chosen, Path(workdir), devices.choose("cpu", chosen.training))
    return ready.model.make_train_function(), iter(ready.training_batches())


def keep(path: Path, seconds: dict[str, tuple[list[float], list[float]]]) -> None:
    """Ratios, and the seconds with a term and without that they were made from; others stay."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    medians = {name: [statistics.median(taken) for taken in both] for name, both in seconds.items()}
    document = {
        "ratios": before.get("ratios", {})
        | {name: round(term / plain, 3) for name, (term, plain) in medians.items()},
        "seconds": before.get("seconds", {})
        | {name: [round(t, 4) for t in both] for name, both in medians.items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
