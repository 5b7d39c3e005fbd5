"""What `import tfsocial` offers: the commands as functions, for notebooks and scripts.

Each takes what its command takes and raises InputError where the command ends with exit code 2.
TensorFlow is imported by the first call that needs it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import folders
from tfsocial.config import Config
from tfsocial.config import load as _load
from tfsocial.errors import InputError as InputError
from tfsocial.inspection import NEAR

MIN_AGREEMENT = 0.98  # of an exported version's answers with its model's
MAX_LOSS = 1.5  # points of score that a compressed model may lose

if TYPE_CHECKING:
    from tfsocial.compression.run import Compressed
    from tfsocial.data.reading.rows import BadRow
    from tfsocial.evaluation.contract import Findings
    from tfsocial.serving.predictor import Predictor
    from tfsocial.training.devices import Cloud


@dataclass(frozen=True)
class TrainedRun:
    """What a training left behind; prints as its report.

    Attributes:
        workdir: the run's folder.
        model: its `model/` folder, which `predict`, `evaluate` and `export` take.
        report: the values of report.json.
    """

    workdir: Path
    model: Path
    report: Mapping[str, Any]
    text: str = field(repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Evaluation:
    """What suites found in a model's answers to a file; prints as a report.

    Attributes:
        findings: suite -> its numbers, tables, pictures and advice.
        rows: examples that were scored.
        unreadable: rows that were left out.
    """

    findings: Mapping[str, Findings]
    rows: int
    unreadable: Sequence[BadRow] = ()

    def __str__(self) -> str:
        from tfsocial.evaluation import run

        return run.as_text(self.findings)


@dataclass(frozen=True)
class Inspection:
    """What a config's data is like; prints as a report.

    Attributes:
        facts: ready for JSON.
    """

    facts: Mapping[str, Any]

    def __str__(self) -> str:
        from tfsocial.inspection import text_report

        return text_report.as_text(self.facts)


def load_config(
    *layers: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | None = None
) -> Config:
    """Load a config from YAML files, recipes and mappings, each laid over those before it.

    Args:
        layers: paths, `recipe:NAME`, or the values themselves; relative paths count from the file
            that names them, those of a mapping from the working directory.
        overrides: key path -> value, as `--set` has them.

    Raises:
        InputError: a file cannot be read, or a key or value does not fit.

    >>> load_config({"tasks": {"mood": {"column": "label"}}}, overrides={"seed": 3}).seed
    3
    """
    return _load(layers, [f"{key}={json.dumps(value)}" for key, value in (overrides or {}).items()])


def train(
    config: Config,
    workdir: str | Path,
    device: str = "auto",
    accept_changes: bool = False,
    cloud: Cloud | None = None,
) -> TrainedRun:
    """Train a config, or go on where a run stopped, and report on dev and test.

    Args:
        workdir: a new folder, or that of the same run.
        device: auto, cpu, cpu:N, gpu, gpu:N, mirrored, multi_worker, tpu:local or tpu:NAME.
        accept_changes: whether a run goes on whose config was another one.
        cloud: zone and project of tpu:NAME.

    Raises:
        InputError: the config, the data, the checkpoint or the workdir is wrong; before step one.
        Diverged: the loss stopped being finite.
        Interrupted: the system asked the run to stop; the same call goes on from its checkpoint.
    """
    from tfsocial.training import environment

    environment.prepare(device)
    from tfsocial.runs import report
    from tfsocial.runs import train as runs_train
    from tfsocial.training import devices

    folder = folders.run_folder("workdir", workdir)
    run = runs_train.train(config, folder, device, accept_changes, cloud or devices.HERE)
    text = report.conclude(run, config, run.workdir)
    values = json.loads((run.workdir / "report.json").read_text("utf-8"))
    return TrainedRun(run.workdir, run.workdir / "model", values, text)


def evaluate(
    model: str | Path | Predictor,
    data: str | Path,
    *,
    suites: Sequence[str] = (),
    text: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    attributes: Sequence[str] = (),
    ood_labels: Mapping[str, str] | None = None,
    separator: str = "|",
    train: str | Path | None = None,
    dev: str | Path | None = None,
    output: str | Path | None = None,
) -> Evaluation:
    """Score a saved model, of a run or a SavedModel, on a labelled file.

    Args:
        suites: quality, calibration, baselines, out_of_distribution, slices; none: all that what
            is given suffices for.
        text: text columns; none: those the model was trained on.
        labels: task -> its column; left out, the task's name or the column it was trained on.
        attributes: columns to slice by.
        ood_labels: task -> the label that means none of the others.
        separator: between the labels of one multilabel cell.
        train: file that baselines are fitted to.
        dev: file that the baselines' thresholds are fitted to.
        output: new folder for evaluation.json, .txt and pictures.

    Raises:
        InputError: no such suite, or a file cannot be read.
    """
    from tfsocial.evaluation import reading, run

    target = folders.new_folder("output", output) if output is not None else None
    predictor = load_predictor(model)
    manifest = predictor.manifest
    columns = reading.Columns(tuple(text), labels or {}, tuple(attributes), separator)
    examples, unreadable = reading.read(folders.existing("data", data), manifest, columns)
    without = reading.Columns(columns.text, columns.labels, (), columns.separator)
    fitted = [
        reading.read(folders.existing(name, path), manifest, without).examples if path else None
        for name, path in (("train", train), ("dev", dev))
    ]
    wanted = run.make_suites(suites, manifest, ood_labels or {}, attributes, *fitted)
    findings = run.evaluate(predictor, examples, wanted)
    if target is not None:
        about = {"model": str(model), "data": str(data), "rows": len(examples)}
        run.write(findings, {**about, "unreadable": len(unreadable)}, target)
    return Evaluation(findings, len(examples), unreadable)


def predict(
    model: str | Path | Predictor, texts: Sequence[str | tuple[str, ...]], top: int = 0
) -> list[dict[str, Any]]:
    """Answer each text: task -> its label, labels or value, and probabilities.

    Args:
        model: a run's `model/` folder, a SavedModel, or what `load_predictor` gave, which is faster
            from the second call on.
        texts: n of them; pairs as tuples.
        top: how many labels to list with their probabilities; 0 lists all.

    Raises:
        InputError: the model is none.
    """
    return load_predictor(model).predict(texts, top)


def load_predictor(model: str | Path | Predictor) -> Predictor:
    """Load a run's `model/` folder or a SavedModel; a predictor is given back as it is.

    Raises:
        InputError: the folder is neither, or is broken.
    """
    if not isinstance(model, str | Path):
        return model
    from tfsocial.serving import loading

    return loading.load_predictor(folders.existing("model", model))


def export(
    model: str | Path,
    output: str | Path,
    version: int | None = None,
    *,
    format: str = "saved_model",
    data: str | Path | None = None,
    min_agreement: float = MIN_AGREEMENT,
) -> Path:
    """Write a run's `model/` folder for servers.

    Args:
        output: folder of the served model's versions.
        version: left out, the highest there is plus one.
        format: saved_model, which takes plain strings and is what TensorFlow Serving loads; litert,
            int8 and the quickest on a CPU; or openvino, bfloat16.
        data: file of texts on which the version is compared with the model.
        min_agreement: least share of those texts that get the same answer.

    Returns:
        Folder of the version, `output`/`version`.

    Raises:
        InputError: the version exists, `model` is not a model folder, the format's package is not
            installed, or too few answers are the same.
    """
    from tfsocial.serving.export import publish

    base = folders.local("output", output)
    texts = _texts(folders.existing("data", data), model) if data is not None else []
    source = folders.existing("model", model)
    return publish.publish(source, base, version, format, texts, min_agreement if texts else 0.0)


def _texts(data: Path, model: str | Path) -> list[tuple[str, ...]]:
    """Read the texts of a file that can be read, for a model's text columns."""
    from tfsocial.checkpoints import manifest
    from tfsocial.data.reading.text_cells import Text
    from tfsocial.data.reading.texts import read_texts

    columns = manifest.read(folders.existing("model", model)).text_columns
    rows = [row for row in read_texts(data, columns) if isinstance(row, Text)]
    return [(row.text,) if row.pair is None else (row.text, row.pair) for row in rows]


def compress(
    run: str | Path,
    output: str | Path,
    *,
    layers: int | None = None,
    heads: int | None = None,
    intermediate_size: int | None = None,
    vocabulary: int | None = None,
    epochs: int | None = None,
    max_loss: float = MAX_LOSS,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> Compressed:
    """Make a finished run's model smaller and faster, taught by the whole one; int8 at the end.

    Args:
        run: its folder: config.yaml says what data to learn from, model/ is the teacher.
        output: folder for `pruned/`, the run `distilled/`, `served/1` and the report.
        layers: of the encoder that stay; left out, half of them.
        heads: of attention that stay in each layer; left out, all.
        intermediate_size: width of the feed-forward part that stays; left out, all of it.
        vocabulary: tokens that stay; left out, those in use and a thousand more.
        epochs: in which the small model learns; left out, the run's own.
        max_loss: points of score that may be lost, on dev, or on test where there is no dev.
        overrides: KEY.PATH=VALUE, over the config of the smaller model.
        device: as `train` has it.

    Raises:
        InputError: `run` is no finished run, a number does not fit its model, `output` is another
            plan's, or more is lost than `max_loss`; then nothing is published.
    """
    from tfsocial.training import environment

    environment.prepare(device)
    from tfsocial.compression import run as compression
    from tfsocial.compression.plan import Plan

    plan = Plan(layers, heads, intermediate_size, vocabulary)
    source, folder = folders.existing("run", run), folders.local("output", output)
    return compression.compress(source, folder, plan, max_loss, epochs, overrides, device)


def inspect(config: Config, output: str | Path | None = None, near: float = NEAR) -> Inspection:
    """Look at a config's data before training: sizes, labels, lengths, leaks, licences.

    Args:
        output: folder for inspect.html, .json and .txt and quarantine.jsonl, which show texts.
        near: similarity from which two texts count as near.

    Raises:
        InputError: the data or the checkpoint cannot be read.
    """
    from tfsocial.inspection import page, text_report
    from tfsocial.inspection.facts.gather import gather

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(output or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        quarantine = folder / "quarantine.jsonl"
        facts = gather(config.data, config.tasks, config.model, quarantine, near)
        facts = {"name": config.name, **facts}
        if output is not None:
            text_report.write(facts, page.page(facts), folder)
    return Inspection(facts)
