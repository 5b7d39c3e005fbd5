"""Tables, and trainings whose scores are set by hand beside a real tiny model."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import tiny_run
import yaml

from tfsocial.config import Model
from tfsocial.fit import finalists
from tfsocial.fit import run as fit_run
from tfsocial.fit.asked import Asked
from tfsocial.fit.leaderboard import Fit
from tfsocial.serving.export import publish
from tfsocial.tuning import training_process

WORDS = ("good", "nice", "bad", "late", "broken", "thanks")


def write_table(path: Path, times: int = 30) -> Path:
    """`times` texts of each mood, no two alike."""
    rows = [
        (f"{text} {WORDS[n % 6]} {chr(97 + n % 26) * 7} {n}", mood)
        for n in range(times)
        for text, mood in (("my card is", "happy"), ("the order is", "sad"))
    ]
    return tiny_run.write_csv(path, ("text", "mood"), rows)


@pytest.fixture(scope="session")
def m0(tmp_path_factory) -> Path:
    """A tiny community checkpoint with weights."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("m0"))
    return tiny_run.train(tiny_run.settings(folder), folder / "run").workdir / "model"


@pytest.fixture(scope="session")
def run(m0, tmp_path_factory) -> Path:
    """A real run from that checkpoint, of a table like the tests'."""
    folder = tmp_path_factory.mktemp("run")
    write_table(folder / "train.csv")
    tree = tiny_run.tree(folder)
    sections = {
        "data": {**tree["data"], "splits": {"train": "train.csv"}, "row_length": 32},
        "tasks": {"mood": {"column": "mood"}},
        "model": {"checkpoint": str(m0), "dropout": 0.0, "head_dropout": 0.0},
    }
    return tiny_run.train(tiny_run.settings(folder, **sections), folder / "run").workdir


@pytest.fixture
def table(tmp_path) -> Path:
    return write_table(tmp_path / "my.csv")


@pytest.fixture
def asked(m0, table):
    """`asked(minutes=5, ...)`: for a model of that table."""

    def ask(**options) -> Asked:
        return Asked(table, model=Model(checkpoint=str(m0)), **options)

    return ask


class Pretended:
    """In the place of trainings: a real run's folder, and the scores that a test sets.

    Attributes:
        scores: candidate -> its score on a part; an exception: it fails.
        begun: (part, name of the training) in their order.
    """

    def __init__(self, run: Path):
        self._run = run
        self.scores: dict[str, float | Exception] = {}
        self.begun: list[tuple[str, str]] = []

    def train(self, config: Path, workdir: Path, device: str, check, cores=()) -> bool:
        self.begun.append((workdir.parent.name, workdir.name))
        score = self.scores.get(workdir.name.rpartition("-")[0], 0.5)
        if isinstance(score, Exception):
            raise score
        shutil.copytree(self._run, workdir)
        shutil.copy(config, workdir / "config.yaml")
        splits = yaml.safe_load(config.read_text("utf-8"))["data"]["splits"]
        report = {
            split: {"mood": {"accuracy": score}} for split in ("dev", "test") if splits[split]
        }
        (workdir / "report.json").write_text(json.dumps(report), "utf-8")
        return True


def next_version(models, output: Path, *_) -> Path:
    """In the place of an export: an empty folder with the number that comes next."""
    version = output / str(len(list(output.glob("*"))) + 1)
    version.mkdir(parents=True)
    return version


@pytest.fixture
def pretended(run, monkeypatch) -> Pretended:
    """Models are put together on one fold, two at a time, and none is exported.

    `hasty` and `won` do all of it.
    """
    made = Pretended(run)
    monkeypatch.setattr(training_process, "train", made.train)
    monkeypatch.setattr(publish, "publish", next_version)
    monkeypatch.setattr(fit_run, "TRIED_TOGETHER", 1)
    monkeypatch.setattr(finalists, "SEEDS", finalists.SEEDS[:2])
    return made


@dataclass(frozen=True)
class Called:
    """What a whole call came to and left behind; see `Pretended` for `begun`.

    Attributes:
        leaderboard: the file for other programs.
    """

    fitted: Fit
    output: Path
    table: Path
    begun: list[tuple[str, str]]
    leaderboard: dict


def called(run, m0, folder: Path, minutes: float, **scores: float) -> Called:
    made = Pretended(run)
    made.scores = scores
    table = write_table(folder / "my.csv")
    more = {"minutes": minutes, "overrides": ("data.rows=3",)}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training_process, "train", made.train)
        fitted = fit_run.fit(Asked(table, model=Model(checkpoint=str(m0)), **more), folder / "out")
    leaderboard = json.loads((folder / "out" / "leaderboard.json").read_text("utf-8"))
    return Called(fitted, folder / "out", table, made.begun, leaderboard)


@pytest.fixture(scope="module")
def hasty(run, m0, tmp_path_factory) -> Called:
    """A call with hardly any time. `won` goes on in its folder."""
    return called(run, m0, tmp_path_factory.mktemp("called"), minutes=1e-6, frozen=0.6)


@pytest.fixture(scope="module")
def won(run, m0, hasty) -> Called:
    """A second call, with time, that few_shot won, full being far behind."""
    scores = {"frozen": 0.6, "L": 0.7, "few_shot": 0.8, "full": 0.2}
    return called(run, m0, hasty.output.parent, minutes=20, **scores)
