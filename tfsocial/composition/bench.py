"""The runs' data, on which composed models are tried and fitted; read when they are needed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tfsocial.composition import heads as composed_heads
from tfsocial.composition import merge
from tfsocial.composition.heads import HOW, How, TaskHead
from tfsocial.composition.merge import Composition
from tfsocial.composition.methods.contract import Method
from tfsocial.composition.methods.linear import Greedy, WiseFT
from tfsocial.composition.parents import Base, Parent
from tfsocial.composition.search import Point, Trials
from tfsocial.errors import InputError, nearest
from tfsocial.provenance import resources

if TYPE_CHECKING:  # these import TensorFlow, which adding weights alone does not need
    from tfsocial.composition.fitting import RunData
    from tfsocial.composition.forgetting import OtherTexts


WORK = "work"  # what a stopped composition goes on with


@dataclass(frozen=True)
class Asked:
    """What a user asked for.

    Attributes:
        runs: folder and weight of each.
        base: M0; left out, as the first run names it.
        knobs: of the method.
        heads: left out, own of a single run, else refit.
        settle: whether scales and thresholds are fitted to the runs' dev.
        other: labelled files that no run learned, for the curve of WiSE-FT.
        overrides: KEY.PATH=VALUE, over the runs' configs.
        renamed: folder -> new name of a task -> its name in that run.
        licence_policy: left out, the strictest of the runs'.
    """

    runs: Sequence[tuple[Path, float]]
    base: str | None = None
    method: str = "linear"
    knobs: Mapping[str, Any] = field(default_factory=dict)
    heads: How | None = None
    settle: bool = True
    other: Sequence[Path] = ()
    overrides: Sequence[str] = ()
    renamed: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    licence_policy: str | None = None


def how(heads: str | None) -> How | None:
    """Check how heads are to come about.

    Raises:
        InputError: there is no such way.
    """
    if heads is not None and heads not in HOW:
        raise InputError(f"--heads={heads}: {nearest(heads, HOW)}")
    return cast("How | None", heads)


def renamed(
    runs: Sequence[Path], names: Mapping[str, Mapping[str, str]]
) -> dict[Path, dict[str, str]]:
    """Turn run -> task -> new name round: run -> new name -> task.

    Raises:
        InputError: a run is not among those that are added, or two of its tasks get one name.
    """
    turned = {}
    for folder, by_task in names.items():
        if Path(folder) not in runs:
            raise InputError(f"--rename={folder}: is none of the runs that --add names")
        turned[Path(folder)] = {new: task for task, new in by_task.items()}
        if len(turned[Path(folder)]) < len(by_task):
            raise InputError(f"--rename={folder}: gives two tasks one name")
    return turned


def policy(name: str | None) -> str | None:
    """Check a licence policy.

    Raises:
        InputError: there is none of that name.
    """
    if name is not None and name not in resources.ACCEPTED:
        raise InputError(f"--licence_policy={name}: {nearest(name, list(resources.ACCEPTED))}")
    return name


@dataclass(frozen=True)
class Bench:
    """The runs' data, on which models are tried; read when the first is."""

    asked: Asked
    base: Base
    runs: Sequence[Parent]
    heads: Sequence[TaskHead]
    work: Path

    @property
    def settles(self) -> bool:
        """Whether answers are fitted to data: as asked, and where heads are or dev chooses runs."""
        refitted = any(head.how == "refit" for head in self.heads)
        return self.asked.settle or refitted or self.asked.method == "greedy"

    @cached_property
    def datas(self) -> list[RunData]:
        from tfsocial.composition import fitting

        by_home = composed_heads.data_of(self.heads)
        return [fitting.load_data(run, heads) for run, heads in by_home.items()]

    @cached_property
    def trials(self) -> Trials:
        return Trials(self.work / "trials.json")

    @cached_property
    def others(self) -> list[OtherTexts]:
        from tfsocial.composition.forgetting import OtherTexts
        from tfsocial.text.tokenizer import Tokenizer

        tokenizer = Tokenizer.load(self.runs[0].model)
        return [OtherTexts.read(path, tokenizer) for path in self.asked.other]

    def check_dev(self) -> None:
        """Refuse to let dev decide where there is none."""
        if not any("dev" in data.encoded for data in self.datas):
            raise InputError(
                f"--method={self.asked.method} lets dev decide, and no run's config names "
                "data.splits.dev; name one (--set data.splits.dev=dev.csv), or take another method"
            )

    def fit(self, folder: Path, heads: Sequence[TaskHead]) -> dict[str, float]:
        """Fit a folder's answers to the data, if asked for; task -> score on dev."""
        if not self.settles or not heads:
            return {}
        from tfsocial.composition import fitting

        return fitting.fit(folder, [data.with_heads(heads) for data in self.datas])

    def unfitted(self, heads: Sequence[TaskHead], scores: Mapping[str, float]) -> list[TaskHead]:
        """List those that nothing was fitted to: not asked for, or without a dev to fit it to."""
        return [
            head
            for head in heads
            if not self.settles or (head.task not in scores and head.how != "refit")
        ]

    def scores_of_runs(self) -> dict[str, dict[str, float]]:
        """Score every run as it is; folder -> task -> score on dev."""
        return {str(run.folder): self._scores_of_run(run) for run in self.runs}

    def _scores_of_run(self, run: Parent) -> dict[str, float]:
        from tfsocial.composition import fitting

        return self.trials.get(str(run.folder), lambda: fitting.judge(run, self.datas))

    def score_of_mean(self, members: Sequence[Parent]) -> float:
        """Score the mean of some runs on dev; of one alone, the run itself."""
        if len(members) == 1:
            scores = self._scores_of_run(members[0])
        else:
            name = " + ".join(str(run.folder) for run in members)
            scores = self.trials.get(name, lambda: self._tried(self.of_members(members)))
        return float(np.mean([*scores.values()]))

    def of_members(self, members: Sequence[Parent]) -> Composition:
        """Compose some of the runs, which count alike; one alone keeps its heads."""
        counted = [replace(run, weight=1.0) for run in members]
        heads = composed_heads.plan(counted, "own" if len(members) == 1 else self.asked.heads)
        return Composition(self.base, counted, Greedy(), heads)

    def _tried(self, composition: Composition) -> dict[str, float]:
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            merge.write(Path(folder), composition)
            return self.fit(Path(folder), composition.heads)

    def point(self, composition: Composition, alpha: float) -> Point:
        """Try a mixture of M0 and the runs."""
        values = self.trials.get(f"alpha {alpha}", lambda: self._point(composition, alpha))
        return Point(**values)

    def _point(self, composition: Composition, alpha: float) -> dict[str, Any]:
        from tfsocial.composition import fitting

        mixed = replace(composition, method=WiseFT(alpha))
        with tempfile.TemporaryDirectory(dir=self.work) as name:
            folder = Path(name)
            merge.write(folder, mixed)
            scores = fitting.fit(folder, self.datas)
            vectors = fitting.embed(folder, self.datas)
            path = self.work / "m0.npy"
            if alpha == 0:
                np.save(path, vectors)
            similarity = float(np.mean(np.sum(vectors * np.load(path), -1)))
            others = {other.name: other.accuracy(folder) for other in self.others}
        score = float(np.mean([*scores.values()]))
        return {"alpha": alpha, "score": score, "others": others, "similarity": similarity}

    def statistics(self, method: Method) -> list[Mapping[str, np.ndarray]]:
        """Measure what a method needs of every run, on the run's own data."""
        from tfsocial.composition import fitting, measuring

        assert method.needs
        measured = []
        for number, run in enumerate(self.runs):
            heads = composed_heads.plan([replace(run, weight=1.0)], "own")
            data = fitting.load_data(run, heads)
            path = self.work / f"{method.needs}-{number}.safetensors"
            measured.append(measuring.measure(path, method.needs, run.model, data))
        return measured
