"""What a composition did, as text, as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tfsocial import files
from tfsocial.composition.methods.contract import Method
from tfsocial.composition.search import Point, Tried

FILE = "composition"


@dataclass(frozen=True)
class Report:
    """What a composition did.

    Attributes:
        method: its name and knobs.
        runs: folder -> weight; of a greedy soup those that are in it.
        heads: task -> own, average or refit.
        scores: task -> the composed model's score on dev.
        of_runs: folder -> task -> the run's own.
        left_out: sentences.
        greedy: steps of a greedy soup.
        curve: from M0 to the run.
    """

    method: str
    base: str
    runs: Mapping[str, float]
    heads: Mapping[str, str]
    scores: Mapping[str, float] = field(default_factory=dict)
    of_runs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    left_out: Sequence[str] = ()
    greedy: Sequence[Tried] = ()
    curve: Sequence[Point] = ()

    def as_text(self) -> str:
        """Write it for a terminal."""
        added = " + ".join(f"{weight:g} * {run}" for run, weight in self.runs.items())
        lines = [f"{self.method} over {self.base}: {added}"]
        lines += [f"{task}: head {how}" for task, how in self.heads.items()]
        if self.greedy:
            lines += ["", "greedy soup, mean score on dev", *map(_tried, self.greedy)]
        if self.curve:
            lines += ["", *_curve(self.curve)]
        if self.scores:
            lines += ["", *_scores({**self.of_runs, "composed": self.scores})]
        return "\n".join([*lines, *([""] if self.left_out else []), *self.left_out])

    def write(self, folder: Path) -> None:
        """Write composition.json, composition.txt and of a curve composition.png."""
        values = {**asdict(self), "curve": [point._asdict() for point in self.curve]}
        contents = {"json": json.dumps(values, indent=1, ensure_ascii=False), "txt": self.as_text()}
        for suffix, text in contents.items():
            files.write_text(folder / f"{FILE}.{suffix}", text + "\n")
        if self.curve:
            _draw(self.curve, folder / f"{FILE}.png")


def _tried(step: Tried) -> str:
    return f"  {100 * step.score:6.2f}  {'stays' if step.stays else 'left out'}  {step.run}"


def _curve(points: Sequence[Point]) -> list[str]:
    """Write the curve as a table.

    >>> print("\\n".join(_curve([Point(0.5, 0.9, {"trec6": 0.7}, 0.95)])))
    alpha    dev   trec6  cosine with M0
      0.5  90.00   70.00          0.9500
    """
    others = list(points[0].others)
    header = f"{'alpha':>5}{'dev':>7}" + "".join(f"{name:>{_wide(name)}}" for name in others)
    lines = [f"{header}{'cosine with M0':>16}"]
    for point in points:
        cells = "".join(f"{100 * point.others[name]:{_wide(name)}.2f}" for name in others)
        lines.append(f"{point.alpha:5.1f}{100 * point.score:7.2f}{cells}{point.similarity:16.4f}")
    return lines


def _wide(name: str) -> int:
    return max(len(name), 5) + 3


def _scores(of_models: Mapping[str, Mapping[str, float]]) -> list[str]:
    tasks = list(dict.fromkeys(task for scores in of_models.values() for task in scores))
    widths = {task: max(len(task), 6) + 2 for task in tasks}
    lines = ["on dev  " + "".join(f"{task:>{widths[task]}}" for task in tasks)]
    for name, scores in of_models.items():
        cells = [
            f"{100 * scores[task]:{widths[task]}.2f}" if task in scores else " " * widths[task]
            for task in tasks
        ]
        lines.append("        " + "".join(cells) + f"  {name}")
    return lines


def _draw(points: Sequence[Point], path: Path) -> None:
    from matplotlib import image

    from tfsocial.metrics import pictures

    series: dict[str, list[float]] = {"the runs' own dev": [point.score for point in points]}
    for name in points[0].others:
        series[f"{name}, a probe of 10 a class"] = [point.others[name] for point in points]
    alphas = [point.alpha for point in points]
    picture = pictures.curves(alphas, series, "alpha (0: M0, 1: the run)", "accuracy or F1")
    with files.replacing(path) as partial:
        image.imsave(partial, picture, format="png")


def about(name: str, method: Method) -> str:
    """Name a method with its knobs.

    >>> from tfsocial.composition.methods.task_vectors import TIES
    >>> about("ties", TIES())
    'ties(density=0.2, scale=1)'
    """
    set_knobs = {key: value for key, value in vars(method).items() if value is not None}
    knobs = ", ".join(f"{key}={value:g}" for key, value in set_knobs.items())
    return f"{name}({knobs})" if knobs else name
