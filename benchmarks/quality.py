"""Quality of the configs over seeds: trains, keeps what finished, goes on where it was stopped.

    python benchmarks/quality.py --data=DIR [--only=NAME ...] [--jobs=N]

DIR holds one folder per data set (banking77/train.csv and so on). What to run stands in
quality.yaml; every finished run is one line of results/quality.jsonl, and a run that has its
line is not run again. An experiment with `first` has another run go before each of its own. With
several jobs each has its share of the cores to itself: short runs are done sooner that way, since
two threads do not train twice as fast as one. The table of means and spreads is printed at the
end.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "quality.jsonl"
Planned = tuple[Mapping[str, Any], int]  # an experiment and a seed
PACKAGES = ("tensorflow", "tf_keras", "tensorflow_text", "transformers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--plan", type=Path, default=HERE / "quality.yaml")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--only", nargs="*", help="names of experiments; left out, all")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    options = parser.parse_args()
    done = finished(options.results)
    every = planned(options.plan, options.only)
    todo = [(plan, seed) for plan, seed in every if (plan["name"], seed) not in done]
    run_all(todo, options.data, options.results, options.jobs)
    print(table(options.results))


def run_all(todo: Sequence[Planned], data: Path, results: Path, jobs: int) -> None:
    """Runs and keeps them in their order, as many at once as there are jobs."""
    free = queue.SimpleQueue()
    for share in shared_out(jobs):
        free.put(share)

    def run_one(planned_run: Planned) -> None:
        cores = free.get()
        try:
            keep(results, run(*planned_run, data, cores))
        finally:
            free.put(cores)

    with ThreadPool(jobs) as pool:
        pool.map(run_one, todo, chunksize=1)


def shared_out(jobs: int) -> list[set[int]]:
    """The cores of each job; none shares one with another."""
    cores = sorted(os.sched_getaffinity(0))
    if jobs > len(cores):
        raise SystemExit(f"--jobs={jobs}: there are {len(cores)} cores")
    return [set(cores[job::jobs]) for job in range(jobs)]


def planned(plan: Path, only: list[str] | None) -> Iterator[Planned]:
    """Experiments and seeds, seed by seed, so that every experiment has a first number early."""
    experiments = listed(yaml.safe_load(plan.read_text(encoding="utf-8")))
    chosen = [one for one in experiments if not only or one["name"] in only]
    for seed in sorted({seed for one in chosen for seed in one["seeds"]}):
        yield from ((one, seed) for one in chosen if seed in one["seeds"])


def listed(plan: list[Any] | Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The experiments of a plan; of one with `sets` and `vary`, each of those with each of these.

    >>> vary = {"L": {}, "x": {"tasks.{task}.kind": 1}}
    >>> plan = {"sets": [{"name": "a", "task": "t"}], "vary": vary}
    >>> [(one["name"], one["set"]) for one in listed(plan)]
    [('a: L', {}), ('a: x', {'tasks.t.kind': 1})]
    """
    if isinstance(plan, list):
        return plan
    return [
        {
            **base,
            "name": f"{base['name']}: {name}",
            "set": {
                **base.get("set", {}),
                **{key.format(task=base.get("task")): value for key, value in changes.items()},
            },
        }
        for base in plan["sets"]
        for name, changes in plan["vary"].items()
    ]


def run(experiment: Mapping[str, Any], seed: int, data: Path, cores: set[int]) -> dict[str, Any]:
    """Trains once in a process of its own, on these cores; the line to keep."""
    print(f"{experiment['name']} seed {seed}", flush=True)
    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        given = run_first(experiment, seed, data, Path(folder), cores)
        workdir = Path(folder) / "run"
        peak = train(experiment, seed, data, workdir, cores, given)
        report = json.loads((workdir / "report.json").read_text(encoding="utf-8"))
    return {
        "name": experiment["name"],
        "seed": seed,
        "set": experiment.get("set", {}),
        "minutes": round((time.time() - began) / 60, 1),
        "peak_rss_mb": peak,
        "scores": {
            split: {task: numbers(found) for task, found in tasks.items()}
            for split, tasks in report.items()
        },
        "machine": ", ".join([platform.machine(), processor(), *graphics()]),
        "versions": {package: version(package) for package in PACKAGES},
        "revision": revision(),
    }


def run_first(
    experiment: Mapping[str, Any], seed: int, data: Path, folder: Path, cores: set[int]
) -> list[str]:
    """Of an experiment with `first: {set: CHANGES, as: KEY}` the run of its config with those
    changes, into the folder; the override by which KEY names its model."""
    if "first" not in experiment:
        return []
    first, workdir = experiment["first"], folder / "first"
    train(experiment | {"set": first["set"]}, seed, data, workdir, cores)
    return [f"{first['as']}={workdir / 'model'}"]


def train(
    experiment: Mapping[str, Any],
    seed: int,
    data: Path,
    workdir: Path,
    cores: set[int],
    given: Sequence[str] = (),
) -> int:
    """One run, with these overrides over its own; MB of memory it held at most."""
    command = [sys.executable, "-m", "tfsocial", "train", f"--workdir={workdir}"]
    command += [f"--config={HERE.parent / 'configs' / experiment['config']}.yaml"]
    command += [f"--set={override}" for override in [*overrides(experiment, seed, data), *given]]
    return peak_memory(command, cores)


def overrides(experiment: Mapping[str, Any], seed: int, data: Path) -> list[str]:
    """What a run of an experiment changes in its config."""
    changes = [f"{key}={json.dumps(value)}" for key, value in experiment.get("set", {}).items()]
    return [f"seed={seed}", f"data.root={data / experiment['data']}", *changes]


def peak_memory(command: list[str], cores: set[int]) -> int:
    """Runs a command on these cores; MB of memory it held at most.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    bound = ["taskset", "--cpu-list", ",".join(map(str, sorted(cores))), *command]
    process = subprocess.Popen(bound, stdout=subprocess.DEVNULL, cwd=HERE.parent)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    return usage.ru_maxrss // 1024


def numbers(report: Mapping[str, Any]) -> dict[str, float]:
    """The scores of a report."""
    return {name: round(value, 5) for name, value in report.items() if isinstance(value, float)}


def finished(results: Path) -> set[tuple[str, int]]:
    """(experiment, seed) of the lines kept."""
    return {(line["name"], line["seed"]) for line in lines(results)}


def lines(results: Path) -> list[dict[str, Any]]:
    """The kept lines."""
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def keep(results: Path, line: Mapping[str, Any]) -> None:
    """Appends a line."""
    results.parent.mkdir(parents=True, exist_ok=True)
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def table(results: Path) -> str:
    """Mean, spread (lowest to highest) and number of seeds of every score, as Markdown."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in lines(results):
        for split, tasks in line["scores"].items():
            for task, scores in tasks.items():
                for name, value in scores.items():
                    values[line["name"], f"{split} {task} {name}"].append(100 * value)
    rows = ["| experiment | score | mean | lowest | highest | seeds |", "|---|---|---|---|---|---|"]
    for (name, score), found in sorted(values.items()):
        rows.append(
            f"| {name} | {score} | {statistics.mean(found):.2f} | {min(found):.2f} "
            f"| {max(found):.2f} | {len(found)} |"
        )
    return "\n".join(rows)


def processor() -> str:
    """The processor's name, where it can be read."""
    try:
        found = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in found if line.startswith("model name")), "")


def graphics() -> list[str]:
    """Names of the machine's NVIDIA GPUs, which `--device=auto` computes on."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    except FileNotFoundError:
        return []


def revision() -> str:
    """Short git revision of the code that ran."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
