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

if TYPE_CHECKING:
    from tfsocial.data.augment.samples import Samples
    from tfsocial.data.reading.rows import BadRow
    from tfsocial.evaluation.contract import Findings
    from tfsocial.init.run import Written
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


def init_config(
    data: str | Path,
    output: str | Path,
    text: Sequence[str] = (),
    labels: Sequence[str] = (),
    checkpoint: str | None = None,
) -> Written:
    """Look at a labelled table and write a commented config for it, with its splits.

    Args:
        data: csv, tsv or jsonl, or .gz.
        output: new folder for config.yaml and the splits.
        text, labels: columns; none: guessed.
        checkpoint: M0, which counts tokens and checks labels; left out, that of the default config.

    Returns:
        What was written, which prints as what was seen. Its `config` is the path for `load_config`,
        its `licence_keys` are the keys whose answers a training waits for.

    Raises:
        InputError: the file cannot be read, no column of it can be text or labels, or the folder
            holds files already.
    """
    from tfsocial.config import Model
    from tfsocial.init.run import init

    model = Model(checkpoint=checkpoint) if checkpoint else Model()
    folder = folders.unused("output", output)
    return init(folders.existing("data", data), folder, text, labels, model)


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


def export(model: str | Path, output: str | Path, version: int | None = None) -> Path:
    """Write the SavedModel of a run's `model/` folder, which takes plain strings.

    Args:
        output: folder of the served model's versions.
        version: left out, the highest there is plus one.

    Returns:
        Folder of the version, `output`/`version`.

    Raises:
        InputError: the version exists, or `model` is not a model folder.
    """
    from tfsocial.serving.export import publish

    base = folders.local("output", output)
    return publish.publish(folders.existing("model", model), base, version)


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


def show_augment(config: Config, samples: int = 10, epochs: int = 2) -> Samples:
    """Read texts of train as a config's augmentation changes them; prints as before and after.

    Args:
        samples: how many texts.
        epochs: in how many epochs; each changes them anew.

    Raises:
        InputError: the config augments nothing, or the data or the checkpoint cannot be read.
    """
    from tfsocial.runs import samples as runs_samples

    return runs_samples.of_config(config, samples, epochs)


def tf_serving(
    model: str | Path,
    output: str | Path,
    name: str | None = None,
    *,
    stable: int | None = None,
    canary: int | None = None,
    server_path: str | None = None,
    threads: int = 2,
    bfloat16: bool = False,
) -> list[str]:
    """Write the files that TensorFlow Serving is started with: versions, batching, metrics.

    Args:
        model: folder of the model's versions, as `export` writes it.
        output: folder of the files; they are replaced.
        name: what clients call the model; left out, its folder.
        stable: version with this label; left out, the highest.
        canary: version that is tried beside it.
        server_path: `model` as the server sees it; left out, /models/`name`.
        threads: cores of the server.
        bfloat16: whether matrix products are computed in bfloat16.

    Returns:
        The server's command line.

    Raises:
        InputError: there is no such version.
    """
    from tfsocial.serving import versions
    from tfsocial.serving.tf_serving import config

    base, folder = folders.existing("model", model), folders.local("output", output)
    there = versions.versions(base)
    if not there:
        raise InputError(f"model={base}: holds no version; tfsocial export writes one")
    name = name or base.resolve().name
    labels = {"stable": stable or there[-1], **({"canary": canary} if canary else {})}
    config.write(base, folder, name, labels, server_path or f"/models/{name}", threads)
    return config.command(str(folder), bfloat16, threads)
