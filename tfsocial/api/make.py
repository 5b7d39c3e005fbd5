"""Make a model: from a labelled table to a finished run."""

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
from tfsocial.fit import MINUTES
from tfsocial.inspection import NEAR
from tfsocial.tuning import LEASE_SECONDS

if TYPE_CHECKING:
    from tfsocial.data.augment.samples import Samples
    from tfsocial.fit.leaderboard import Fit
    from tfsocial.init.run import Written
    from tfsocial.training.devices import Cloud
    from tfsocial.tuning.report import Tuned


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
    return _load(
        layers,
        [
            f"{key}={json.dumps(value, ensure_ascii=False)}"
            for key, value in (overrides or {}).items()
        ],
    )


def fit(
    data: str | Path,
    output: str | Path,
    *,
    minutes: float = MINUTES,
    text: Sequence[str] = (),
    labels: Sequence[str] = (),
    checkpoint: str | None = None,
    licence: str | None = None,
    licence_ack: str | None = None,
    test: str | Path | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> Fit:
    """Make the best model of a labelled table that some minutes allow, and export it.

    Args:
        data: csv, tsv or jsonl, or .gz.
        output: folder for model/, served/1, the leaderboard and all trainings; a call that was
            killed goes on in it.
        text, labels: columns; none: guessed.
        checkpoint: M0; left out, that of the default config.
        licence: of the texts, an SPDX id.
        licence_ack: why a model may be trained on them.
        test: labelled file that is scored once, at the end.
        overrides: KEY.PATH=VALUE, over every candidate's config.
        device: as `train` has it.

    Raises:
        InputError: the table cannot be read or used, or `output` holds another table's model.
    """
    from tfsocial.config import Model
    from tfsocial.training import environment

    environment.prepare(device)
    from tfsocial.fit import run
    from tfsocial.fit.asked import Asked

    asked = Asked(
        folders.existing("data", data),
        minutes,
        tuple(text),
        tuple(labels),
        Model(checkpoint=checkpoint) if checkpoint else Model(),
        licence,
        licence_ack,
        folders.existing("test", test) if test else None,
        tuple(overrides),
        device,
    )
    return run.fit(asked, folders.local("output", output))


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


def tune(
    layers: str | Path | Sequence[str | Path | Mapping[str, Any]],
    space: str | Path,
    output: str | Path,
    *,
    trials: int = 24,
    seeds: Sequence[int] = (0,),
    sampler: str = "tpe",
    sampler_seed: int = 0,
    pruner: str = "asha",
    storage: str | None = None,
    study: str = "tfsocial",
    score_test: bool = True,
    overrides: Sequence[str] = (),
    device: str = "auto",
    lease_seconds: float = LEASE_SECONDS,
) -> Tuned:
    """Search the values of a config's keys that dev likes best.

    The same call elsewhere, on one storage, shares the work; one that was killed goes on.

    Args:
        layers: the config, as `load_config` takes it.
        space: YAML file of key paths with ranges or choices.
        output: folder for trials/, the report and best.yaml.
        trials: how many the study has in the end.
        seeds: each trial trains all of them; with data.shots each is a draw.
        sampler: tpe or random.
        sampler_seed: of what it draws.
        pruner: none, asha, hyperband or wilcoxon.
        storage: URL of a database; left out, a file of SQLite in `output`.
        study: its name in that database.
        score_test: whether the winner is scored on test, which no trial sees.
        overrides: KEY.PATH=VALUE, over the config.
        device: as `train` has it.
        lease_seconds: after which a trial whose worker is silent is taken up by another.

    Raises:
        InputError: config, space or storage is wrong, or `output` has another search.
    """
    from tfsocial.tuning import run
    from tfsocial.tuning.asked import Asked
    from tfsocial.tuning.space import Space

    files = [layers] if isinstance(layers, str | Path) else list(layers)
    asked = Asked(
        files,
        tuple(overrides),
        Space.read(folders.existing("space", space)),
        trials,
        tuple(seeds),
        sampler,
        sampler_seed,
        pruner,
        storage,
        study,
        score_test,
        device,
        lease_seconds,
    )
    return run.tune(asked, folders.local("output", output))
