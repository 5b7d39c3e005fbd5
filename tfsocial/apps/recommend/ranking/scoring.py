"""Scores of all items for one person, each from one source, all from the person's live history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.collaborative import Collaborative
from tfsocial.apps.recommend.ranking.likeness import Likeness, words
from tfsocial.apps.recommend.ranking.person import Person, Tastes
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.apps.recommend.ranking.smoothing import Smoothing

BY_OTHERS = ("ease", "ease_recent", "lately", "lately_recent", "als")
SMOOTH = tuple(f"{name}_smooth" for name in BY_OTHERS)
INHERITED = tuple(f"{name}_text" for name in BY_OTHERS)  # smoothed without an item's own score
BY_TEXT = (
    "text_most",
    "text_three",
    "text_mean",
    "text_recent",
    "words_most",
    "words_three",
    "words_mean",
    "words_recent",
    "text_refused",
)
SCORES = (*BY_OTHERS, *SMOOTH, *INHERITED, *BY_TEXT)
THREE = 3  # of a history, the most alike
LATEST = 400  # items of a history that texts are compared with


class Scoring:
    """What scores need of a catalogue and of what was fitted.

    Args:
        catalog: may have items that the fitted matrices have not, and lack others.

    Attributes:
        text, words: likeness of items.
        known: int64 [m], items that have a column; smooth: from scores of those to all.
        column: int64 [n], of the fitted matrices, -1 for an item without one.
    """

    def __init__(self, catalog: Catalog, collaborative: Collaborative, settings: Settings):
        self.catalog, self.collaborative, self._settings = catalog, collaborative, settings
        self.text, self.words = Likeness(catalog.vectors), Likeness(words(catalog.texts))
        rows = catalog.rows(collaborative.names)
        self.column = np.full(len(catalog), -1)
        self.column[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
        self.known = np.flatnonzero(self.column >= 0)
        self._columns = self.column[self.known]
        purchases = collaborative.purchases[self._columns]
        self.smooth = Smoothing(self.text, self.words, self.known, purchases)
        # Sums of smoothed rows are smoothed sums, so nothing need be smoothed for a person.
        self._rows = (collaborative.ease, collaborative.lately, collaborative.factors.T)
        self._smoothed = [self.smooth(one[:, self._columns]) for one in self._rows]

    def __call__(self, person: Person, now: float) -> np.ndarray:
        """Give float32 [scores, n] in the order of `SCORES`, nan where a source knows nothing."""
        tastes = person.tastes(now, self._settings.half_life)
        found = np.full((len(SCORES), len(self.catalog)), np.nan, np.float32)
        place = 3 * len(BY_OTHERS)
        self._by_others(tastes, found)
        own = tastes.last(LATEST)
        if len(own) or person.wishes is not None:
            found[place : place + 4] = _alike(self.text, own, person.wishes, person.wish_weights)
        if len(own):
            found[place + 4 : place + 8] = _alike(self.words, own)
        refused = np.unique(person.refused)
        if len(refused):
            found[place + 8] = self.text.of(refused).max(0)
        return found

    def _by_others(self, tastes: Tastes, found: np.ndarray) -> None:
        """Fill in the scores of others' purchases, as they are and smoothed over texts."""
        fitted, columns = self.collaborative, self.column[tastes.items]
        has = columns >= 0
        columns, weights, recent = columns[has], tastes.weights[has], tastes.recent[has]
        if not len(columns):
            return
        both, taste = np.stack([weights, recent]), fitted.taste(columns, weights)
        scores = _from_rows(both, taste, columns, self._rows)[:, self._columns]
        smooth = _from_rows(both, taste, columns, self._smoothed)
        kinds = len(scores)
        found[:kinds, self.known] = scores
        found[kinds : 2 * kinds] = smooth
        found[2 * kinds : 3 * kinds] = self.smooth.inherited(scores, smooth)


def _from_rows(
    weights: np.ndarray, taste: np.ndarray, columns: np.ndarray, rows: Sequence[np.ndarray]
) -> np.ndarray:
    """Sum up what somebody's items say, in the order of `BY_OTHERS`, [scores, n]."""
    ease, lately, factors = rows
    return np.concatenate([weights @ ease[columns], weights @ lately[columns], [taste @ factors]])


def _alike(
    likeness: Likeness,
    tastes: Tastes,
    wishes: np.ndarray | None = None,
    wish_weights: np.ndarray | None = None,
) -> list[np.ndarray]:
    """Compare all items with somebody's: the most alike, three, the mean, the mean of late ones."""
    cosines, weights, recent = likeness.of(tastes.items), tastes.weights, tastes.recent
    if wishes is not None and wish_weights is not None:
        cosines = np.concatenate([cosines, wishes @ likeness.vectors.T])
        weights = np.concatenate([weights, wish_weights])
        recent = np.concatenate([recent, wish_weights])
    return [
        cosines.max(0),
        _most(cosines, THREE).mean(0),
        weights @ cosines / weights.sum(),
        recent @ cosines / recent.sum(),
    ]


def _most(values: np.ndarray, few: int) -> np.ndarray:
    """Give the highest of each column, at the most `few`, [few, n]; np.partition is slow here."""
    kept = np.sort(values[:few], axis=0)
    for row in values[few:]:
        for place in range(few - 1, -1, -1):
            higher = np.maximum(kept[place], row)
            row, kept[place] = np.minimum(kept[place], row), higher
    return kept
