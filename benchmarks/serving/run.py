"""Size, latency, throughput, accuracy of every form of a model, beside peers with the same weights.

    python -m venv PEERS && PEERS/bin/pip install -r benchmarks/serving/requirements-peers.txt
    python -m benchmarks.serving.run --set=banking77 --data=DIR/test.csv --model=RUN/model \
        --form=saved_model=DIR --form=litert=DIR [...] --peers=PEERS/bin/python [--rounds=3]

A process each, taken in turns round by round, every second round backwards; two threads each. The
first form is the one whose answers the others are compared with. Lines go into
results/serving.jsonl, and take the place of older ones of the same set and name.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.same_weights import commit, machine
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.metrics.scores import scores

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "serving.jsonl"
PEERS = ("pipeline", "encode", "onnx", "onnx_int8", "setfit_onnx")
SCORE = {"classify": "accuracy", "multilabel": "macro_f1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", required=True, help="name of the data set")
    parser.add_argument("--data", type=Path, required=True, help="its test.csv: text, label")
    parser.add_argument("--column", default="label", help="of the labels")
    parser.add_argument("--model", type=Path, required=True, help="a run's model/ folder")
    parser.add_argument("--form", action="append", default=[], help="NAME=DIR")
    parser.add_argument("--peers", type=Path, help="interpreter that has the peers' packages")
    parser.add_argument("--only_peers", nargs="*", default=PEERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--score_only", action="store_true", help="no single calls")
    options = parser.parse_args()
    contestants = commands(options)
    with tempfile.TemporaryDirectory() as folder:
        found = in_rounds(contestants, options, Path(folder))
        keep(options, found, judged(options, contestants, Path(folder)))


def commands(options: argparse.Namespace) -> dict[str, list[str]]:
    """Name -> command of each contestant."""
    made = {}
    for form in options.form:
        name, _, folder = form.partition("=")
        made[name] = [sys.executable, str(HERE / "ours.py"), f"--model={folder}"]
    if options.peers:
        for kind in options.only_peers:
            script = [str(options.peers), str(HERE / "peers.py"), f"--kind={kind}"]
            made[kind] = [*script, f"--model={options.model}"]
    return made


def in_rounds(
    contestants: Mapping[str, list[str]], options: argparse.Namespace, folder: Path
) -> dict[str, list[dict[str, Any]]]:
    """Each contestant's lines."""
    lines: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
    for number in range(options.rounds):
        names = list(contestants)
        for name in names if number % 2 == 0 else names[::-1]:
            command = [*contestants[name], f"--data={options.data}"]
            command += [f"--probabilities={folder / name}.npy"]
            command += ["--score_only"] if options.score_only else []
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                raise SystemExit(f"{name}: {run.stderr[-2000:]}")
            lines[name].append(json.loads(run.stdout.splitlines()[-1]))
            print(options.set, name, json.dumps(lines[name][-1]), flush=True)
    return lines


def judged(
    options: argparse.Namespace, names: Sequence[str], folder: Path
) -> dict[str, dict[str, float]]:
    """Score of each contestant on the labels, and how many of its answers are the first one's."""
    manifest = manifests.read(options.model)
    ((task, spec),) = manifest.tasks.items()
    with options.data.open(encoding="utf-8", newline="") as file:
        cells = [row[options.column] for row in csv.DictReader(file)]
    labels = encoded(manifest, task, cells)
    thresholds = manifest.decision_thresholds(task)
    said = {name: np.load(folder / f"{name}.npy") for name in names}
    first = decisions(spec.kind, next(iter(said.values())), thresholds)
    return {
        name: {
            SCORE[spec.kind]: scores(spec, labels, values, thresholds=thresholds)[SCORE[spec.kind]],
            "same": float(np.mean(same(first, decisions(spec.kind, values, thresholds)))),
        }
        for name, values in said.items()
    }


def encoded(manifest: ModelManifest, task: str, cells: Sequence[str]) -> np.ndarray:
    """Labels as `scores` reads them."""
    spec = manifest.tasks[task]
    place = {label: number for number, label in enumerate(spec.labels)}
    if spec.kind == "classify":
        return np.array([place[cell] for cell in cells])
    table = np.zeros([len(cells), len(place)], np.float32)
    for row, cell in enumerate(cells):
        for label in filter(None, cell.split(spec.separator)):
            table[row, place[label]] = 1
    return table


def decisions(kind: str, values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    return values.argmax(-1)[:, None] if kind == "classify" else values >= thresholds


def same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one == other).all(-1)


def keep(
    options: argparse.Namespace,
    found: Mapping[str, list[dict[str, Any]]],
    judgements: Mapping[str, Mapping[str, float]],
) -> None:
    """Writes the lines: medians over the rounds."""
    new = []
    for name, lines in found.items():
        merged = {
            "set": options.set,
            "name": name,
            "ours": not name.startswith(PEERS),
            "rounds": len(lines),
            **{key: merged_value([line[key] for line in lines]) for key in lines[0]},
            **{key: round(value, 5) for key, value in judgements[name].items()},
            "machine": machine(),
            "python": platform.python_version(),
            "commit": commit(),
        }
        new.append(merged)
    taken = {(line["set"], line["name"]) for line in new}
    old = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    left = [line for line in map(json.loads, old) if (line["set"], line["name"]) not in taken]
    RESULTS.write_text("".join(json.dumps(line) + "\n" for line in [*left, *new]), "utf-8")


def merged_value(values: Sequence[Any]) -> Any:
    if isinstance(values[0], dict) and "p50" in values[0]:
        return {key: statistics.median(value[key] for value in values) for key in values[0]}
    return statistics.median(values) if isinstance(values[0], float) else values[-1]


if __name__ == "__main__":
    main()
