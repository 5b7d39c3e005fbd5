"""What the labels so far say: of texts without one, of those to ask for, and of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from tfsocial.labelling.texts import Texts
from tfsocial.metrics import label_errors
from tfsocial.metrics.learning_curve import LearningCurve
from tfsocial.metrics.probe import Probe, fitted_temperature, out_of_fold_logits
from tfsocial.selection import auto
from tfsocial.selection.asked import AUTO
from tfsocial.selection.choosing import choose
from tfsocial.selection.contract import Candidates
from tfsocial.selection.learning_curve import learning_curve
from tfsocial.selection.strategies.table import strategy

SURE_FROM = 0.5  # probability from which another label makes one's own look wrong
SMALLEST_BATCH, LARGEST_BATCH = 10, 30  # texts chosen at once: as many as there are labels


class Suspect(NamedTuple):
    """A label that looks wrong.

    Attributes:
        text: its key.
        label: it has.
        likely: the label that a regression gives which has not seen this text's.
        probability: of that one.
    """

    text: str
    label: str
    likely: str
    probability: float


@dataclass(frozen=True)
class Analysis:
    """What some labels say.

    Attributes:
        labels: how many there were.
        names: of the labels, in the order of the columns of `p`.
        p: calibrated probabilities for every text, float32 [n, names]; None with one label or none.
        queue: keys of texts to ask for, the first first.
        choice: how they were chosen.
        curve: expected accuracy by labels; None with too few.
        suspects: labels that look wrong, the most suspicious first.
    """

    labels: int
    names: tuple[str, ...]
    p: np.ndarray | None
    queue: tuple[str, ...]
    choice: auto.Choice
    curve: LearningCurve | None
    suspects: tuple[Suspect, ...]

    def suggestions(self, place: int, most: int) -> list[tuple[str, float]]:
        """List the likeliest labels of a text with their probabilities."""
        if self.p is None:
            return []
        order = np.argsort(-self.p[place], kind="stable")[:most]
        return [(self.names[column], float(self.p[place, column])) for column in order]


def analyse(
    texts: Texts,
    vectors: np.ndarray,
    labels: Mapping[str, str],
    asked_for: set[str],
    named: str = AUTO,
) -> Analysis:
    """Look at the labels so far.

    Args:
        vectors: of the texts, float32 [n, hidden].
        labels: text -> label, in the order in which they were given.
        asked_for: texts not to ask for though they have no label: skipped, or on a screen.
        named: the strategy.
    """
    keys = [one for one in labels if one in texts.place]
    rows = np.array([texts.place[one] for one in keys], np.int64)
    names = tuple(dict.fromkeys(labels[one] for one in keys))
    codes = np.array([names.index(labels[one]) for one in keys], np.int64)
    p: np.ndarray | None = None
    suspects: tuple[Suspect, ...] = ()
    if len(names) > 1:
        held_out = out_of_fold_logits(vectors[rows], codes, len(names))
        t = fitted_temperature(held_out, codes)
        p = Probe(vectors[rows], codes)(vectors, t)
        suspects = _suspects(held_out / t, codes, keys, names)
    n = min(max(SMALLEST_BATCH, len(keys)), LARGEST_BATCH)
    choice, queue = _queue(texts, vectors, rows, codes, p, asked_for, named, n)
    free = np.setdiff1d(np.arange(len(texts)), rows)
    curve = learning_curve(vectors[rows], codes, vectors[free]) if len(free) else None
    return Analysis(len(keys), names, p, queue, choice, curve, suspects)


def _suspects(
    logits: np.ndarray, codes: np.ndarray, keys: list[str], names: tuple[str, ...]
) -> tuple[Suspect, ...]:
    p = special.softmax(logits, axis=1)
    return tuple(
        Suspect(
            keys[row],
            names[codes[row]],
            names[int(p[row].argmax())],
            float(p[row].max()),
        )
        for row in label_errors.suspects(p, codes)
        if p[row].argmax() != codes[row] and p[row].max() >= SURE_FROM
    )


def _queue(
    texts: Texts,
    vectors: np.ndarray,
    rows: np.ndarray,
    codes: np.ndarray,
    p: np.ndarray | None,
    asked_for: set[str],
    named: str,
    n: int,
) -> tuple[auto.Choice, tuple[str, ...]]:
    """Choose texts as `select` does."""
    choice = auto.automatic(np.bincount(codes) if len(codes) else np.zeros(0), p)
    if named != AUTO and (p is not None or not strategy(named).needs_probabilities):
        choice = auto.Choice(named, "asked")
    taken = np.array([texts.place[one] for one in asked_for if one in texts.place], np.int64)
    free = np.setdiff1d(np.arange(len(texts)), np.concatenate([rows, taken]))
    covered = np.concatenate([rows, taken])
    candidates = Candidates(
        vectors[free],
        vectors[covered],
        None if p is None else p[free],
        np.random.default_rng(len(rows)),
    )
    forms, known = ([texts.forms[row] for row in some] for some in (free, covered))
    found, _ = choose(choice.name, candidates, forms, known, n)
    return choice, tuple(texts.keys[free[row]] for row in found)
