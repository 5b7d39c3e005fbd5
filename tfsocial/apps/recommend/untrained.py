"""Lists before anything is fitted: by texts that are alike, by what sells, by what is new."""

from __future__ import annotations

import numpy as np

from tfsocial.apps.recommend.ranking.candidates import best
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import DAY
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse

HALF_LIFE = 60.0  # days after which what a person did weighs half
MONTH = 30  # days of sales
SOLD, NEW = 0.1, 0.05  # weights beside a likeness, which is at most 1


class Untrained:
    """Ranks as `Ranker` does, by a fixed formula.

    The score is the likeness of an item's text to those a person liked lately, and a little for
    how it sells, by the logarithm, and for being new.
    """

    def __init__(self, catalog: Catalog):
        self.catalog = catalog

    def candidates(
        self,
        person: Person,
        pulse: Pulse,
        now: float,
        count: int = 300,
        without: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the items with the best scores, int64 [count]."""
        left_out = np.concatenate([person.bought, person.refused]) if without is None else without
        scores = self._all(person, pulse, now)
        scores[np.asarray(left_out, np.int64)] = -np.inf
        found = best(scores, count)
        return found[np.isfinite(scores[found])]

    def score(self, person: Person, items: np.ndarray, pulse: Pulse, now: float) -> np.ndarray:
        """Score items, float32 [k]."""
        scores: np.ndarray = self._all(person, pulse, now)[items]
        return scores

    def _all(self, person: Person, pulse: Pulse, now: float) -> np.ndarray:
        sold = np.log1p(pulse.counts(now, MONTH))
        age = np.maximum(now - self.catalog.listed, 0.0) / DAY
        scores = SOLD * sold / max(1.0, float(sold.max(initial=0.0))) + NEW / (1 + age / MONTH)
        tastes = person.tastes(now, HALF_LIFE)
        if len(tastes):
            vectors = self.catalog.vectors
            profile = tastes.recent @ vectors[tastes.items]
            scores += vectors @ (profile / max(float(np.linalg.norm(profile)), 1e-9))
        return scores.astype(np.float32)
