"""The learning curve as a small picture and as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tfsocial.metrics.learning_curve import LearningCurve

WIDTH, HEIGHT = 300, 150
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 8, 20  # around the axes
MORE = (10, 100)  # labels
AHEAD = 100  # of the picture
STEPS = 12


class Shown(NamedTuple):
    """A curve as the page has it.

    Attributes:
        picture: SVG.
        rows: (when, percent, band) as words.
    """

    picture: str
    rows: list[tuple[str, str, str]]


def shown(curve: LearningCurve, words: Mapping[str, str]) -> Shown:
    """Write a curve as a page shows it."""
    now = int(curve.sizes[-1])
    rows = [_row(words["now"].format(labels=now), curve, now, words)]
    rows += [_row(words["more"].format(more=more), curve, now + more, words) for more in MORE]
    return Shown(picture(curve), rows)


def _row(
    when: str, curve: LearningCurve, labels: int, words: Mapping[str, str]
) -> tuple[str, str, str]:
    middle, low, high = (round(100 * value) for value in curve.at(labels))
    return when, str(middle), words["band"].format(low=low, high=high)


def picture(curve: LearningCurve) -> str:
    """Draw accuracy over labels, and what is expected ahead with its band."""
    now = int(curve.sizes[-1])
    ahead = np.linspace(now, now + AHEAD, STEPS)
    expected = np.array([curve.at(int(labels)) for labels in ahead])
    least = max(0.0, 10 * np.floor(10 * min(curve.accuracy.min(), expected[:, 1].min())) / 100)

    def x(labels: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (labels - curve.sizes[0]) / (
            now + AHEAD - curve.sizes[0]
        )

    def y(accuracy: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - accuracy) / (1 - least)

    def points(labels, accuracy) -> str:
        pairs = zip(labels, accuracy, strict=True)
        return " ".join(f"{x(one):.1f},{y(other):.1f}" for one, other in pairs)

    band = points([*ahead, *ahead[::-1]], [*expected[:, 1], *expected[::-1, 2]])
    marks = "".join(
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" '
        f'y2="{y(mark):.1f}"/><text x="2" y="{y(mark) + 4:.1f}">{round(100 * mark)} %</text>'
        for mark in (least, (1 + least) / 2, 1.0)
    )
    ends = "".join(
        f'<text x="{x(labels):.1f}" y="{HEIGHT - 4}" text-anchor="{anchor}">{labels}</text>'
        for labels, anchor in ((int(curve.sizes[0]), "start"), (now + AHEAD, "end"))
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-hidden="true">{marks}{ends}'
        f'<polygon class="band" points="{band}"/>'
        f'<polyline class="line" points="{points(curve.sizes, curve.accuracy)}"/>'
        f'<polyline class="line ahead" points="{points(ahead, expected[:, 0])}"/></svg>'
    )
