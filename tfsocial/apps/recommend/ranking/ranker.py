"""The ranking in use: candidates and scores of one person, live."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from tfsocial.apps.recommend.ranking import candidates, features, negatives
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.item_facts import ItemFacts
from tfsocial.apps.recommend.ranking.model import Model
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.scoring import Scoring

MONTH = 30  # days whose sales stand for those to come


class Ranks(Protocol):
    """What finds candidates of a person, and scores them."""

    def candidates(
        self,
        person: Person,
        pulse: Pulse,
        now: float,
        count: int = ...,
        without: np.ndarray | None = ...,
    ) -> np.ndarray: ...

    def score(self, person: Person, items: np.ndarray, pulse: Pulse, now: float) -> np.ndarray: ...


def best_first(
    ranker: Ranks,
    person: Person,
    pulse: Pulse,
    now: float,
    count: int,
    without: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Give a person's candidates by their scores, int64 [count], and the scores, float32 [count].

    Args:
        without: items that are not to be recommended; None: what was bought or refused.
    """
    items = ranker.candidates(person, pulse, now, count, without)
    return sorted_by(items, ranker.score(person, items, pulse, now))


def sorted_by(items: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort items and their scores, the highest first; of equals the first."""
    order = np.argsort(-scores, kind="stable")
    return items[order], scores[order]


class Ranker:
    """A model over a catalogue, which may have grown since the model was fitted."""

    def __init__(self, model: Model, catalog: Catalog):
        self.catalog = catalog
        self._model = model
        self._scoring = Scoring(catalog, model.collaborative, model.settings)
        self._facts = ItemFacts(self._scoring, model.settings, model.columns)
        self._last: tuple[Person, float, np.ndarray] | None = None

    def candidates(
        self,
        person: Person,
        pulse: Pulse,
        now: float,
        count: int = 300,
        without: np.ndarray | None = None,
    ) -> np.ndarray:
        """Give the items that are most worth a closer look, the best first, int64 [count].

        Args:
            now: seconds since 1970.
            without: items that are not to be recommended; None: what was bought or refused.
        """
        left_out = np.concatenate([person.bought, person.refused]) if without is None else without
        scores, facts = self._scores(person, now), self._facts(pulse, now)
        fused = candidates.fused(scores, facts)
        fused[np.asarray(left_out, np.int64)] = -np.inf
        found = candidates.best(fused, count)
        return found[np.isfinite(fused[found])]

    def features(self, person: Person, items: np.ndarray, pulse: Pulse, now: float) -> np.ndarray:
        """Give float32 [k, features] in the order of `features.names`."""
        tastes = person.tastes(now, self._model.settings.half_life)
        scores, facts = self._scores(person, now), self._facts(pulse, now)
        return features.features(tastes, np.asarray(items, np.int64), scores, facts, now)

    def score(self, person: Person, items: np.ndarray, pulse: Pulse, now: float) -> np.ndarray:
        """Score items, float32 [k]: higher where a purchase is likelier."""
        share = negatives.log_share(pulse.counts(now, MONTH))
        return self.preference(person, items, pulse, now) + share[items]

    def preference(self, person: Person, items: np.ndarray, pulse: Pulse, now: float) -> np.ndarray:
        """Score items as the trees do, float32 [k]: without some of what all like alike.

        It tells purchases from others that were drawn as those of the trees are.
        """
        return self._model.trees(self.features(person, items, pulse, now))

    def together(self, items: np.ndarray, item: int) -> np.ndarray:
        """Tell what each of some items adds to another's score by what others bought.

        Returns:
            float32 [k], by EASE; 0 where one of the two was not known when it was fitted.
        """
        columns, column = self._scoring.column[items], self._scoring.column[item]
        found = np.zeros(len(columns), np.float32)
        if column >= 0:
            known = columns >= 0
            found[known] = self._model.collaborative.ease[columns[known], column]
        return found

    def _scores(self, person: Person, now: float) -> np.ndarray:
        """Give all scores; those of the last person are kept, as candidates are scored next."""
        last = self._last
        if last is None or last[0] is not person or last[1] != now:
            last = self._last = (person, now, self._scoring(person, now))
        return last[2]
