"""The table as `fit` works with it: its folder, folds of it, configs of trainings on them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import files
from tfsocial.checkpoints import community
from tfsocial.config import Config, load
from tfsocial.errors import InputError
from tfsocial.evaluation.reading import Columns
from tfsocial.fit.asked import Asked
from tfsocial.fit.candidates import Candidate
from tfsocial.init import run as init_run
from tfsocial.init import table
from tfsocial.init.columns import Labels, Roles, roles
from tfsocial.init.config_file import Facts
from tfsocial.init.recipe import NONE
from tfsocial.init.run import Written
from tfsocial.metrics.scores import PRIMARY
from tfsocial.tuning.space import assignment

CROSSED_UP_TO = 2000  # labelled rows; of more, a tenth stands apart as dev
FOLDS = 5
ALL_TRAIN = {"train": 1.0}
WITH_DEV = {"train": 0.9, "dev": 0.1}


@dataclass(frozen=True)
class Part:
    """What a training learns from and is scored by.

    Attributes:
        name: of its folder.
        splits: of the config: files.
        scored: the split of them that candidates are compared by.
        rows: of train.
    """

    name: str
    splits: Mapping[str, str]
    scored: str
    rows: int


@dataclass(frozen=True)
class TableFolder:
    """A table split and described, with what every training on it shares."""

    asked: Asked
    written: Written

    @property
    def crossed(self) -> bool:
        """Whether candidates are compared on folds of train, since there is no dev."""
        return "dev" not in self.written.rows

    @property
    def metric(self) -> str:
        """What candidates are compared by, higher is better."""
        return PRIMARY[self.written.roles.tasks[0].kind]

    @property
    def columns(self) -> Columns:
        """Where a labelled file like the table has what."""
        found = self.written.roles
        several = [one.separator for one in found.tasks if one.kind == "multilabel"]
        labels = {one.task: one.column for one in found.tasks}
        return Columns(found.text, labels, (), *several[:1])

    @property
    def encoder_layers(self) -> int:
        """Of M0."""
        return int(community.of_config(self.asked.model).config.num_hidden_layers)

    def parts(self) -> list[Part]:
        """List what candidates are compared on: folds of a small table, dev of a large one."""
        if not self.crossed:
            return [self.whole()]
        folder = self.written.folder / "folds"
        if not folder.is_dir():
            self._write_folds(folder)
        return [
            Part(path.name, _files(path), "test", _rows_in(path / "train.csv"))
            for path in sorted(folder.iterdir())
        ]

    def whole(self) -> Part:
        """Give all there is to learn from; with dev, where there is one."""
        splits = ("train",) if self.crossed else ("train", "dev")
        return Part("all", self._paths(*splits), "dev", self.written.rows["train"])

    def _paths(self, *splits: str) -> dict[str, str]:
        return {split: str((self.written.folder / f"{split}.csv").absolute()) for split in splits}

    def _write_folds(self, folder: Path) -> None:
        read = table.read(self.written.folder / "train.csv")
        every = np.arange(len(read))
        folds = init_run.folds(read, self.written.roles, FOLDS)
        if len(folds) < 2:
            raise InputError(
                f"--data={self.asked.data}: its {len(read)} labelled rows are one text; nothing "
                "can be compared on them"
            )
        with files.making(folder) as unfinished:
            for number, held in enumerate(folds):
                rest = np.setdiff1d(every, held)
                (unfinished / f"fold-{number}").mkdir()
                for name, rows in (("train", rest), ("test", held)):
                    path = unfinished / f"fold-{number}" / f"{name}.csv"
                    init_run.write_csv(path, read.taken(rows))

    def config(
        self,
        candidate: Candidate,
        part: Part,
        seed: int,
        settings: Mapping[str, Any],
    ) -> Config:
        """Load the config of a training.

        Args:
            settings: key -> value, over the candidate's.

        Raises:
            InputError: the config refuses them, or what the user overrides.
        """
        values = {
            **self._data(candidate, part),
            **self._label_sets(),
            "seed": seed,
            "report.baselines": False,
            "report.more_labels": False,
            "training.monitor": self.metric,
            "training.epochs": candidate.epochs,
            **candidate.settings,
            **settings,
        }
        written = [assignment(key, value) for key, value in values.items()]
        # What the user says goes over all of it.
        return load([self.written.config, *candidate.layers], [*written, *self.asked.overrides])

    def _data(self, candidate: Candidate, part: Part) -> dict[str, Any]:
        licence = self.asked.licence_settings
        if candidate.name != "pool":
            said = {f"data.{key}": value for key, value in licence.items()}
            return {"data.splits": dict(part.splits), **said}
        texts = {"text": list(self.written.roles.text)}
        pool = {"train": str((self.written.folder / "pool.csv").absolute())}
        return {
            "data.splits": {},
            "data.epoch_examples": 2 * part.rows,
            "data.mixture": {
                "own": {**licence, "splits": dict(part.splits), **texts},
                "pool": {**licence, "splits": pool, "tasks": [], **texts},
            },
        }

    def _label_sets(self) -> dict[str, Any]:
        """Name every label, since a fold may lack a rare one."""
        return {
            f"tasks.{one.task}.labels": sorted(one.counts)
            for one in self.written.roles.tasks
            if one.kind != "regress"
        }


def prepare(asked: Asked, output: Path) -> TableFolder:
    """Look at the table and split it, or read what an earlier call made of it.

    Raises:
        InputError: see `init`.
    """
    folder, kept = output / "data", output / "table.json"
    if not kept.is_file():
        shutil.rmtree(folder, ignore_errors=True)  # of a call that was killed in between
        files.write_text(kept, json.dumps(_as_json(_written(asked, folder)), ensure_ascii=False))
    return TableFolder(asked, _of_json(folder, json.loads(kept.read_text("utf-8"))))


def _written(asked: Asked, folder: Path) -> Written:
    small = _labelled_rows(asked) <= CROSSED_UP_TO
    return init_run.init(
        asked.data,
        folder,
        asked.text,
        asked.labels,
        asked.model,
        shares=ALL_TRAIN if small else WITH_DEV,
        with_recipe=False,
    )


def _labelled_rows(asked: Asked) -> int:
    read = table.read(asked.data)
    tasks = roles(read, asked.text, asked.labels).tasks
    cells = [read.columns[one.column] for one in tasks]
    return sum(any(row) for row in zip(*cells, strict=True))


def _as_json(written: Written) -> dict[str, Any]:
    return {"roles": asdict(written.roles), "facts": asdict(written.facts)}


def _of_json(folder: Path, values: Mapping[str, Any]) -> Written:
    found, facts = values["roles"], values["facts"]
    labels = {kind: tuple(Labels(**one) for one in found[kind]) for kind in ("tasks", "others")}
    tokens = tuple(facts["tokens"])
    return Written(
        folder, Roles(tuple(found["text"]), **labels), Facts(**{**facts, "tokens": tokens}), NONE
    )


def _files(folder: Path) -> dict[str, str]:
    return {path.stem: str(path.absolute()) for path in sorted(folder.glob("*.csv"))}


def _rows_in(path: Path) -> int:
    return len(table.read(path))
