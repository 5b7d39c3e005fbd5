"""What adding weights is worth: trains the runs of composition.yaml, composes them, scores test.

    python -m benchmarks.composition --data=DIR --work=DIR [--only=NAME ...] [--cores=0,1]

DIR of --data holds one folder per data set. Runs and compositions lie in --work and are not made
again; every composed model is one line of results/composition.jsonl, with the test scores of its
runs beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks import quality
from benchmarks.few_shot import draws
from tfsocial import api, config
from tfsocial.data import corpus
from tfsocial.evaluation import reading
from tfsocial.evaluation.reading import Columns
from tfsocial.metrics.scores import scores
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import Predictor

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "composition.jsonl"
Experiment = Mapping[str, Any]
Numbers = dict[str, dict[str, float]]  # task -> score -> value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--work", type=Path, required=True, help="folder for runs")
    parser.add_argument("--only", nargs="*", help="names of experiments; left out, all")
    parser.add_argument("--cores", help="numbers of the cores to use, as 0,1; left out, all")
    options = parser.parse_args()
    if options.cores:
        os.sched_setaffinity(0, set(map(int, options.cores.split(","))))
    for experiment in yaml.safe_load((HERE / "composition.yaml").read_text("utf-8")):
        if not options.only or experiment["name"] in options.only:
            for draw in experiment.get("draws", [None]):
                compare(experiment, draw, options.data, options.work)
    print(paired(quality.lines(RESULTS)))


def compare(experiment: Experiment, draw: int | None, data: Path, work: Path) -> None:
    """Trains the runs of an experiment, of one draw, and tries every method on them."""
    folder = work / slug(experiment["name"]) / ("all" if draw is None else str(draw))
    runs = {run["name"]: trained(experiment, run, draw, data, folder) for run in experiment["runs"]}
    singles = {name: of_run(path) for name, path in runs.items()}
    done = {(line["name"], line["method"], line["draw"]) for line in quality.lines(RESULTS)}
    for method, asked in experiment["methods"].items():
        if (experiment["name"], method, draw) not in done:
            print(experiment["name"], draw, method, flush=True)
            found = tried(experiment, asked, runs, folder / slug(method), data)
            quality.keep(
                RESULTS,
                {
                    "name": experiment["name"],
                    "draw": draw,
                    "method": method,
                    "asked": asked,
                    **found,
                    "singles": singles,
                    "machine": quality.processor(),
                    "revision": quality.revision(),
                },
            )


def slug(name: str) -> str:
    """A folder's name.

    >>> slug("sum, a third each")
    'sum-a-third-each'
    """
    return "-".join(name.replace(",", " ").split())


def trained(
    experiment: Experiment, run: Mapping[str, Any], draw: int | None, data: Path, folder: Path
) -> Path:
    """The folder of a run, trained if it is not."""
    workdir = folder / f"run-{run['name']}"
    if not (workdir / "report.json").is_file():
        plan = {**run, "set": {**experiment.get("set", {}), **run.get("set", {})}}
        if draw is not None:
            plan["set"] = with_draw(plan, draw, data, folder)
        print(experiment["name"], draw, run["name"], flush=True)
        quality.train(plan, run["seed"], data, workdir, os.sched_getaffinity(0))
        shutil.rmtree(workdir / "checkpoints", ignore_errors=True)
    return workdir


def with_draw(plan: Mapping[str, Any], draw: int, data: Path, folder: Path) -> dict[str, Any]:
    """Puts the file of a draw in the place of `data.shots`, so that seeds share the texts."""
    path = folder / "drawn.jsonl"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        loaded = config.load(
            HERE.parent / "configs" / f"{plan['config']}.yaml", quality.overrides(plan, draw, data)
        )
        corpus.load_corpus(loaded.data, loaded.tasks, draw, folder)
        (task,) = loaded.tasks
        drawn = folder / "train_drawn.jsonl"
        draws.keep_label(drawn, task)
        drawn.rename(path)
    test = str(data / plan["data"] / "test.csv")
    return {
        **{key: value for key, value in plan["set"].items() if key != "data.shots"},
        "data.splits": {"train": str(path.absolute()), "test": test},
    }


def tried(
    experiment: Experiment,
    asked: Mapping[str, Any],
    runs: Mapping[str, Path],
    output: Path,
    data: Path,
) -> dict[str, Any]:
    """Makes one model of the runs, or lets all answer, and scores it on test."""
    if asked["method"] == "ensemble":
        predictor = api.load_predictor([run / "model" for run in runs.values()])
        return {"minutes": 0.0, "dev": {}, "test": scored(experiment, runs, predictor)}
    if asked["method"] == "distillation":
        return distilled(experiment, runs, output, data)
    return composed(experiment, asked, runs, output)


def distilled(
    experiment: Experiment, runs: Mapping[str, Path], output: Path, data: Path
) -> dict[str, Any]:
    """Trains one model of the first run's config on what all runs say of train."""
    began = time.time()
    entries = {
        f"run{name}": {"checkpoint": str(path.absolute() / "model"), "licence_ack": "made here"}
        for name, path in runs.items()
    }
    first = experiment["runs"][0]
    taught = {"distillation": {"weight": 1.0, "teacher": [*entries]}}
    student = {
        **first,
        "name": "student",
        "set": {**first.get("set", {}), "checkpoints": entries, "objectives.papers": taught},
    }
    workdir = trained(experiment, student, None, data, output)
    minutes = round((time.time() - began) / 60, 2)
    return {"minutes": minutes, "dev": {}, "test": of_run(workdir)}


def composed(
    experiment: Experiment, asked: Mapping[str, Any], runs: Mapping[str, Path], output: Path
) -> dict[str, Any]:
    """Composes runs and scores the model on the test split of each."""
    began = time.time()
    weight = asked.get("weight", 1.0)
    made = api.compose(
        [(path, weight) for path in runs.values()],
        output,
        method=asked["method"],
        heads=asked.get("heads"),
        knobs=asked.get("knobs"),
        rename={
            str(runs[run["name"]]): {run["task"]: f"{run['name']}_{run['task']}"}
            for run in experiment["runs"]
            if "task" in run
        },
    )
    minutes = round((time.time() - began) / 60, 2)
    found = scored(experiment, runs, load_predictor(made.model))
    shutil.rmtree(made.model)
    return {"minutes": minutes, "dev": dict(made.report.scores), "test": found}


def scored(experiment: Experiment, runs: Mapping[str, Path], predictor: Predictor) -> Numbers:
    """The scores of a model on the test split of each of its tasks."""
    return {
        task: score(predictor, task, column, path, outside)
        for task, column, path, outside in tested(experiment, runs)
        if task in predictor.manifest.tasks
    }


def tested(
    experiment: Experiment, runs: Mapping[str, Path]
) -> Iterator[tuple[str, str, Path, str | None]]:
    """Task of the composed model, its column, its test file, its label for what is outside."""
    for run in experiment["runs"]:
        loaded = config.load(runs[run["name"]] / "config.yaml")
        for task, settings in loaded.tasks.items():
            name = f"{run['name']}_{task}" if run.get("task") == task else task
            (test,) = loaded.data.splits.test
            path = Path(loaded.data.root, test)
            yield name, settings.column or task, path, settings.ood_label


def score(
    predictor: Predictor, task: str, column: str, path: Path, outside: str | None
) -> dict[str, float]:
    """The scores of a task on a file."""
    spec = predictor.manifest.tasks[task]
    read = reading.read(path, predictor.manifest, Columns(labels={task: column})).examples
    said = predictor.many(read.texts).tasks[task]
    return quality.numbers(scores(spec, read.labels[task], said, outside))


def of_run(workdir: Path) -> Numbers:
    """A run's own test scores."""
    report = json.loads((workdir / "report.json").read_text("utf-8"))
    return {task: quality.numbers(found) for task, found in report["test"].items()}


def paired(lines: Sequence[Mapping[str, Any]]) -> str:
    """A line a method, as Markdown: the mean over draws on test, and that of the runs."""
    rows = ["| experiment | method | task | composed | runs |", "|---|---|---|---|---|"]
    for line in lines:
        for task, found in line["test"].items():
            own = [one[task]["accuracy"] for one in line["singles"].values() if task in one]
            beside = f"{100 * sum(own) / len(own):.2f}" if own else ""
            rows.append(
                f"| {line['name']} {line['draw'] or ''} | {line['method']} | {task} "
                f"| {100 * found['accuracy']:.2f} | {beside} |"
            )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
