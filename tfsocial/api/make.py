"""Make a model: a run, or many that are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import folders
from tfsocial.config import Config
from tfsocial.config import load as _load
from tfsocial.fit import MINUTES
from tfsocial.tuning import LEASE_SECONDS

if TYPE_CHECKING:
    from tfsocial.fit.leaderboard import Fit
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
