"""The runs' data, on which composed models are tried and fitted; read when they are needed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tfsocial.composition import heads as composed_heads
from tfsocial.composition import merge
from tfsocial.composition.asked import Asked
from tfsocial.composition.heads import TaskHead
from tfsocial.composition.merge import Composition
from tfsocial.composition.methods.contract import Method
from tfsocial.composition.methods.linear import Greedy, WiseFT
from tfsocial.composition.parents import Base, Parent
from tfsocial.composition.search import Point, Trials
from tfsocial.errors import InputError

if TYPE_CHECKING:  # these import TensorFlow, which adding weights alone does not need
    from tfsocial.composition.fitting import RunData
    from tfsocial.composition.forgetting import OtherTexts


WORK = "work"  # what a stopped composition goes on with


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

        return fitting.fit(folder, [data.with_heads(heads) for data in self.datas]).scores

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
            scores, model = fitting.fit(folder, self.datas)
        vectors, path = fitting.embed(model, self.datas), self.work / "m0.npy"
        if alpha == 0:
            np.save(path, vectors)
        similarity = float(np.mean(np.sum(vectors * np.load(path), -1)))
        others = {other.name: other.accuracy(model) for other in self.others}
        score = float(np.mean([*scores.values()]))
        return {"alpha": alpha, "score": score, "others": others, "similarity": similarity}

    def statistics(self, method: Method) -> list[Mapping[str, np.ndarray]]:
        """Measure what a method needs of every run, on the run's own data."""
        from tfsocial.composition import measuring

        kind = method.needs
        assert kind
        return [
            measuring.measure(self.work / f"{kind}-{number}.safetensors", kind, run)
            for number, run in enumerate(self.runs)
        ]
