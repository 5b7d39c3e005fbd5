"""What each objective and each method costs: time of a training step with it over one without.

    python -m benchmarks.cost [--only=NAME ...] [--steps=15]

The help desk's texts in packed rows, MiniLM-L6, precision and compiler as `--device=cpu` chooses
them. Steps with and without are taken in turns, so that a machine's bad minutes hit both alike; a
ratio is that of their medians. Without is plain `L`; for a loss of `L` the usual one of its kind of
task (a text's label is a set of one, its length a number), for a weighing fixed weights of two
terms. Written to results/cost.json after each.
"""

from __future__ import annotations

import argparse
import csv
import gc
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tfsocial import config
from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.config import Config
from tfsocial.objectives import table
from tfsocial.runs.methods import METHODS
from tfsocial.runs.prepare import prepare
from tfsocial.training import devices

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "cost.json"
HELPDESK = HERE.parent / "tfsocial" / "demo"
Step = tuple[Callable, Iterator]  # a train function and the batches it is fed
Settings = tuple[str, ...]  # KEY.PATH=VALUE, as of --set
TASKS = {
    "classify": "tasks={task: {column: label}}",
    "multilabel": "tasks={task: {column: label, kind: multilabel}}",
    "regress": "tasks={task: {column: length, kind: regress}}",
}
NEEDED = {  # beside the objective itself
    "mean_teacher": "training.ema=0.99",
    **dict.fromkeys(("cutoff", "uda", "fix_match"), "data.second_view=[{cutoff: {}}]"),
    **dict.fromkeys(
        ("distillation", "teacher_cosine", "teacher_hidden"),
        "checkpoints={teacher: {checkpoint: DATA/teacher, licence_ack: made here}}",
    ),
}
# Of the methods the first is what the others are compared with; the rest is not done in a step.
NO_STEP = ("optimizer.name=adamw", "model.head_init", "objectives.community.feature_cosine.weight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", help="names of objectives; left out, all")
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    plain: dict[Settings, Step] = {}
    seconds: dict[str, tuple[list[float], list[float]]] = {}
    with tempfile.TemporaryDirectory() as data:
        with_lengths(Path(data))
        write_teacher(Path(data) / "teacher", settings((TASKS["classify"],), data))
        for name, (chosen, other) in comparisons().items():
            if options.only and name not in options.only:
                continue
            plain[other] = plain.get(other) or step_of(settings(other, data))
            seconds[name] = in_turns(step_of(settings(chosen, data)), plain[other], options.steps)
            gc.collect()  # the model's variables, before the next one's
            having, without = map(statistics.median, seconds[name])
            print(f"{name:40} {1000 * having:5.0f} ms {having / without:6.2f}", flush=True)
            keep(options.results, seconds)


def comparisons() -> dict[str, tuple[Settings, Settings]]:
    """Name -> the settings it is measured with, and those of what it is compared with."""
    found = {}
    for name in table.TASK:
        usual = (TASKS[table.TASK[name].kinds[0]],)
        if name not in table.USUAL_LOSS.values():
            found[name] = ((*usual, f"tasks.task.loss={{name: {name}}}"), usual)
    alone = (TASKS["classify"],)
    for part, menu in (("community", table.COMMUNITY), ("papers", table.PAPERS)):
        for name in menu:
            beside = [NEEDED[name]] if name in NEEDED else []
            found[name] = ((*alone, f"objectives.{part}.{name}={{}}", *beside), alone)
    for method in METHODS:
        if not method.startswith(NO_STEP):
            weighs = method.startswith("objectives.weighing")
            other = (*alone, "objectives.community.feature_cosine={}") if weighs else alone
            found[method] = ((*other, method), other)
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


def settings(chosen: Sequence[str], data: str) -> Config:
    """Of the demo, with these over it."""
    demo = HERE.parent / "tfsocial" / "demo" / "demo.yaml"
    return config.load(demo, [f"data.root={data}", *(one.replace("DATA", data) for one in chosen)])


def write_teacher(folder: Path, chosen: Config) -> None:
    """A model that was never trained: what it says costs what anything costs."""
    with tempfile.TemporaryDirectory() as workdir:
        ready = prepare(chosen, Path(workdir), devices.choose("cpu", chosen.training))
    text_model, shape = ready.model.text_model, ready.texts.shape
    manifest = ModelManifest(
        **vars(text_model.spec),
        row_length=shape.row_length,
        slots=shape.slots,
        text_columns=("text",),
    )
    bundle = TextModelBundle(text_model, ready.tokenizer, manifest)
    model_folder.save(folder, bundle, ready.unused, ready.texts.words)


def with_lengths(folder: Path) -> None:
    """The help desk's files, with the length of each text beside its label."""
    for name in ("train.csv", "dev.csv", "test.csv"):
        with (HELPDESK / name).open(encoding="utf-8", newline="") as file:
            rows = [row | {"length": len(row["text"])} for row in csv.DictReader(file)]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


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
