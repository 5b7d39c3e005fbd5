"""Makes a run's model smaller: parts are left out, it learns from the whole one, int8 at the end.

Each step leaves a folder, so what was stopped goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsocial import config as configs
from tfsocial import files
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.locations import HEADS
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.compression import report, student
from tfsocial.compression.plan import Plan
from tfsocial.compression.report import Measured
from tfsocial.config import Config, Objectives
from tfsocial.data import corpus
from tfsocial.data.examples import Corpus, Examples
from tfsocial.data.pipeline.tokenized_split import tokenize_split
from tfsocial.errors import InputError
from tfsocial.evaluation.contract import EvaluationSet
from tfsocial.objectives import table
from tfsocial.runs import report as run_report
from tfsocial.runs import train as runs_train
from tfsocial.serving import versions
from tfsocial.serving.export import publish
from tfsocial.serving.loading import load_predictor
from tfsocial.training import run_constants
from tfsocial.training.run_constants import RunConstants

log = logging.getLogger(__name__)

LOOKED_AT = 1000  # examples of train, to compare parts on
TEACHER = "teacher"
PRUNED, DISTILLED, SERVED = "pruned", "distilled", "served"


@dataclass(frozen=True)
class Compressed:
    """What came of a compression.

    Attributes:
        model: the smaller `model/` folder, in float32.
        served: the folder with its int8 version.
        steps: the model as it was, then each step.
        text: the same as a table.
    """

    model: Path
    served: Path
    steps: tuple[Measured, ...]
    text: str = field(repr=False)

    def __str__(self) -> str:
        return self.text


def compress(
    run: Path,
    output: Path,
    plan: Plan,
    max_loss: float,
    epochs: int | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> Compressed:
    """Make a run's model smaller.

    Args:
        run: a finished run's folder: its config.yaml says what data to learn from, its model/ is
            the teacher.
        output: gets `pruned/`, the run `distilled/`, `served/1` and the report.
        max_loss: points of score that may be lost in all.
        epochs: of the smaller model; left out, those of the run.
        overrides: KEY.PATH=VALUE, over the run's config and the smaller model's.

    Raises:
        InputError: `run` is no run, the plan does not fit, `output` is another plan's, or the
            score falls by more than `max_loss`.
    """
    config = _config_of(run, overrides)
    teacher = model_folder.load(run / "model")
    teacher.manifest.check_text_alone(f"--run={run}")
    plan = plan.completed(teacher)
    _check_plan(output, plan)
    loaded = corpus.load_corpus(config.data, config.tasks, config.seed)
    if not (output / PRUNED).is_dir():
        _prune(teacher, plan, config, loaded, run, output / PRUNED)
    if not (output / DISTILLED / "report.json").is_file():
        _distil(config, run, output, epochs, overrides, device)
    judged_on = next((split for split in ("dev", "test") if split in loaded.splits), None)
    if judged_on is None:
        raise InputError(f"{run}: its config names neither dev nor test to judge the loss on")
    examples = _evaluation_set(loaded.splits[judged_on])
    steps = _measured(run, output, examples, max_loss, judged_on)
    text = report.as_text(steps, judged_on, len(examples))
    report.write(output, {"plan": plan.values(), "judged_on": judged_on}, steps, text)
    return Compressed(output / DISTILLED / "model", output / SERVED, tuple(steps), text)


def _config_of(run: Path, overrides: Sequence[str]) -> Config:
    path = run / "config.yaml"
    if not path.is_file() or not (run / "model").is_dir():
        raise InputError(f"--run={run}: is no finished run; it lacks config.yaml or model/")
    return configs.load(path, overrides, migrate=True)


def _check_plan(output: Path, plan: Plan) -> None:
    """Write the plan down, or refuse an output that has another."""
    path = output / "plan.json"
    if path.is_file() and (found := manifests.read_json(path)) != plan.values():
        raise InputError(f"--output={output}: holds another plan, {found}; name a new folder")
    output.mkdir(parents=True, exist_ok=True)
    report.write_json(path, plan.values())


def _prune(
    teacher: TextModelBundle, plan: Plan, config: Config, loaded: Corpus, run: Path, folder: Path
) -> None:
    train, tokenizer = loaded.splits["train"], teacher.tokenizer
    encoded = tokenize_split(train, tokenizer, teacher.manifest.row_length)
    losses = table.losses(table.formula(config.tasks, Objectives()))
    counts = run_constants.label_counts(train.labels, teacher.manifest.tasks)
    some = student.sample(encoded, LOOKED_AT)
    kept = student.choose(teacher, plan, encoded, some, RunConstants(losses, counts))
    log.info("layers kept: %s", ", ".join(map(str, kept.layers)))
    log.info("tokens kept: %d of %d", len(kept.tokens), tokenizer.vocabulary_size)
    student.write(folder, teacher, kept, run / "model")


def _distil(
    config: Config,
    run: Path,
    output: Path,
    epochs: int | None,
    overrides: Sequence[str],
    device: str,
) -> None:
    """Train the smaller model on the run's data, with the larger one as its teacher."""
    learning = _learning(config, run, output, epochs)
    smaller = configs.load([run / "config.yaml", learning], overrides, migrate=True)
    folder = output / DISTILLED
    folder.mkdir(exist_ok=True)
    run_report.conclude(runs_train.train(smaller, folder, device), smaller, folder)


def _learning(config: Config, run: Path, output: Path, epochs: int | None) -> dict[str, Any]:
    """Say what the smaller model's config has in other words than the run's.

    Its formula is L and the teacher's answers: a term of the run's own would pull it to an M0 that
    it no longer is, or has done its work already.
    """
    objectives = config.objectives
    gone = {
        part: dict.fromkeys(getattr(objectives, part), None) for part in ("community", "papers")
    }
    distilled = {
        "distillation": {"weight": 1.0, "teacher": TEACHER},
        "teacher_cosine": {"weight": 1.0, "teacher": TEACHER},
    }
    ours = f"made from {run.name}, whose own provenance.json says what it was made from"
    return {
        "name": f"{config.name}, compressed",
        "model": {
            "checkpoint": str((output / PRUNED).absolute()),
            "licence_ack": config.model.licence_ack or ours,
            "head_init": "probe",
        },
        "checkpoints": {
            TEACHER: {"checkpoint": str((run / "model").absolute()), "licence_ack": ours}
        },
        "objectives": {
            "community": gone["community"],
            "papers": {**gone["papers"], **distilled},
            "weighing": "fixed",
        },
        "training": {
            **({"epochs": epochs} if epochs else {}),
            "gradual_unfreezing_epochs": None,
            "frozen_layers": None,
        },
    }


def _evaluation_set(examples: Examples) -> EvaluationSet:
    columns = [examples.text] if examples.pair is None else [examples.text, examples.pair]
    return EvaluationSet(list(zip(*columns, strict=True)), examples.labels)


def _measured(
    run: Path, output: Path, examples: EvaluationSet, max_loss: float, judged_on: str
) -> list[Measured]:
    """Measure each step, and publish the last if it keeps what was asked for.

    Raises:
        InputError: it does not; nothing is published.
    """
    steps = []
    first, whole = _measured_model("as it was", run / "model", examples)
    steps.append(first)
    for name, folder in (("pruned", PRUNED), ("distilled", f"{DISTILLED}/model")):
        steps.append(_measured_model(name, output / folder, examples, whole)[0])
    published = output / SERVED
    with files.swapping(published) as unfinished:
        version = publish.publish(output / DISTILLED / "model", unfinished, format="litert")
        shipped = [version / versions.GRAPHS["litert"], version / "vocab.txt"]
        steps.append(report.measure("int8", load_predictor(version), shipped, examples, whole)[0])
        _check_loss(steps, max_loss, judged_on)
    return steps


def _measured_model(name: str, folder: Path, examples: EvaluationSet, whole=None):
    shipped = [*folder.glob("model*.safetensors"), folder / HEADS, folder / "vocab.txt"]
    return report.measure(name, load_predictor(folder), shipped, examples, whole)


def _check_loss(steps: Sequence[Measured], max_loss: float, judged_on: str) -> None:
    lost = 100 * (steps[0].score - steps[-1].score)
    if lost > max_loss:
        table = "; ".join(f"{step.step} {100 * step.score:.2f}" for step in steps)
        raise InputError(
            f"the small model loses {lost:.2f} points on {judged_on} ({table}), and --max_loss "
            f"allows {max_loss:g}: keep more layers or tokens, train more --epochs, or allow more"
        )
