"""What a user asks of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tfsocial.config import Config, merged
from tfsocial.errors import InputError
from tfsocial.tuning import LEASE_SECONDS
from tfsocial.tuning.space import Space, load_with


@dataclass(frozen=True)
class Asked:
    """What a user asked for.

    Attributes:
        files: the config's layers, as `config.load` has them.
        overrides: KEY.PATH=VALUE, over them.
        trials: how many the study has in the end, of all workers.
        seeds: each trial trains one after the other; with data.shots each is a draw. All trials
            have the same, so they are compared in pairs.
        sampler: tpe or random.
        sampler_seed: of what it draws.
        pruner: none, asha, hyperband or wilcoxon.
        storage: URL of a database; left out, a file of SQLite in the output.
        name: of the study, where a database holds several.
        score_test: whether the winner is scored on test.
        lease_seconds: after which a trial that nobody renews is taken up by another worker.
    """

    files: Sequence[Any]
    overrides: Sequence[str]
    space: Space
    trials: int = 24
    seeds: Sequence[int] = (0,)
    sampler: str = "tpe"
    sampler_seed: int = 0
    pruner: str = "asha"
    storage: str | None = None
    name: str = "tfsocial"
    score_test: bool = True
    device: str = "auto"
    lease_seconds: float = LEASE_SECONDS

    def __post_init__(self):
        if self.trials < 1:
            raise InputError(f"--trials={self.trials}: has to be at least 1")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError("--seeds: name at least one, and none twice")
        if self.lease_seconds <= 0:
            raise InputError(f"--lease_seconds={self.lease_seconds}: has to be more than 0")

    def resolved(self) -> Asked:
        """Give the same with the config's files read: who edits them later changes no trial."""
        return replace(self, files=[merged(self.files, self.overrides)], overrides=())

    @property
    def monitor(self) -> str:
        """What dev is scored by: the formula's loss where there is no task."""
        config = self.config()
        return config.training.monitor if config.tasks else "-loss"

    def config(self) -> Config:
        """Load the config that is searched around.

        Raises:
            InputError: it cannot be loaded, has no dev to choose by, or sets what trials share.
        """
        config = load_with(self.files, self.overrides, {})
        if not any(source.splits.dev for source in config.data.sources.values()):
            raise InputError(
                "--config: a search chooses by dev, and no data.splits.dev is named; cut one from "
                "train, or take `tfsocial fit`, which scores parts of train"
            )
        if config.training.checkpoints:
            raise InputError(
                "--config: training.checkpoints names one folder for all trials; leave it out"
            )
        if config.training.monitor == "-loss" or not config.tasks:
            self._check_the_loss_is_one()
        return config

    def _check_the_loss_is_one(self) -> None:
        """Refuse to compare trials by losses of different formulas."""
        for key in self.space.keys:
            if key.startswith(("objectives", "tasks.")):
                raise InputError(
                    f"--space: {key} changes the loss, and dev is scored by it here; search other "
                    "keys, or give the config a task and a training.monitor that is no loss"
                )

    def config_of_trial(self, values: dict[str, Any], seed: int) -> Config:
        """Load a trial's config: it has no test, and no baselines beside its scores.

        Raises:
            InputError: the config refuses these values together.
        """
        sources = self.config().data.sources
        without_test: dict[str, Any] = {f"{source}.splits.test": [] for source in sources}
        alone = {"report.baselines": False, "report.more_labels": False}
        besides = {"seed": seed, **alone, **without_test}
        return load_with(self.files, self.overrides, {**values, **besides})

    def winners_config(self, values: dict[str, Any], seed: int) -> Config:
        """Load a trial's config with its test."""
        return load_with(self.files, self.overrides, {**values, "seed": seed})

    def as_json(self) -> dict[str, Any]:
        """Give what two workers on one study have to agree on."""
        return {
            "config": self.config().fingerprint(),
            "space": self.space.as_json(),
            "seeds": list(self.seeds),
            "sampler": [self.sampler, self.sampler_seed],
            "pruner": self.pruner,
        }
