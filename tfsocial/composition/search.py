"""What dev decides: which runs are in a greedy soup, how much of M0 is left in WiSE-FT."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tfsocial import files
from tfsocial.composition.parents import Parent

log = logging.getLogger(__name__)

STEPS = 10  # of the curve over alpha


class Point(NamedTuple):
    """A model on the curve from M0 to the run.

    Attributes:
        alpha: 0 is M0's encoder, 1 the run's.
        score: mean over the tasks on dev.
        others: file -> accuracy of a probe on texts that the run did not learn.
        similarity: mean cosine between its vectors of dev and M0's.
    """

    alpha: float
    score: float
    others: Mapping[str, float]
    similarity: float


class Trials:
    """Numbers of what was tried, kept in a file: what is known is not tried again."""

    def __init__(self, path: Path):
        self._path = path
        self._known = json.loads(path.read_text("utf-8")) if path.is_file() else {}

    def get(self, what: str, compute: Callable[[], Mapping[str, object]]) -> dict:
        """Give what is known of a trial, or find it out."""
        if what not in self._known:
            self._known[what] = dict(compute())
            files.write_text(self._path, json.dumps(self._known, indent=1))
        return self._known[what]


@dataclass(frozen=True)
class Tried:
    """One step of a greedy soup: a run, the score with it, and whether it stayed."""

    run: str
    score: float
    stays: bool


def greedy(
    parents: Sequence[Parent], score: Callable[[Sequence[Parent]], float]
) -> tuple[list[Parent], list[Tried]]:
    """Choose the runs of a greedy soup; see `methods.linear.Greedy`.

    Args:
        score: of the mean of some runs on dev; of one alone, the run's own.
    """
    alone = {parent: score([parent]) for parent in parents}
    best, *others = sorted(parents, key=lambda parent: -alone[parent])
    members, reached = [best], alone[best]
    steps = [Tried(str(best.folder), reached, True)]
    for parent in others:
        with_it = score([*members, parent])
        stays = with_it >= reached
        if stays:
            members, reached = [*members, parent], with_it
        steps.append(Tried(str(parent.folder), with_it, stays))
        log.info("with %s: %.4f, %s", parent.folder, with_it, "stays" if stays else "does not stay")
    return members, steps


def curve(point: Callable[[float], Point]) -> list[Point]:
    """Score models from M0 to the run in steps of a tenth."""
    points = []
    for step in range(STEPS + 1):
        points.append(point(step / STEPS))
        log.info("alpha %.1f: %.4f", points[-1].alpha, points[-1].score)
    return points


def choose_alpha(points: Sequence[Point], keep: float) -> float:
    """Find the smallest alpha that keeps this share of the best score.

    >>> points = [Point(0.0, 0.5, {}, 1.0), Point(0.5, 0.899, {}, 0.9), Point(1.0, 0.9, {}, 0.8)]
    >>> choose_alpha(points, 0.99)
    0.5
    """
    best = max(point.score for point in points)
    return next(point.alpha for point in points if point.score >= keep * best)
