"""Fit the ranking on a log of deeds: states in the past, each with what was bought after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.recommend.ranking import collaborative, features, negatives
from tfsocial.apps.recommend.ranking.boosting import Trees
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import BOUGHT, DAY, Deeds
from tfsocial.apps.recommend.ranking.item_facts import ItemFacts
from tfsocial.apps.recommend.ranking.model import Model
from tfsocial.apps.recommend.ranking.person import Person, persons
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.scoring import Scoring
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.errors import InputError

PICKS = 3  # of a newcomer, whose other purchases are to be found


@dataclass(frozen=True)
class Examples:
    """Pairs of persons and items: features float32 [k, f], labels [k]."""

    features: np.ndarray
    labels: np.ndarray


def fit(deeds: Deeds, catalog: Catalog, at: float, settings: Settings | None = None) -> Model:
    """Fit on what was done before a time.

    Args:
        deeds: items are rows of `catalog`.
        at: seconds since 1970.

    Raises:
        InputError: too little was bought to learn from.
    """
    settings = settings or Settings()
    known = deeds.before(at)
    learnt = all_examples(known, catalog, at, settings)
    columns = tuple(sorted(catalog.columns))
    trees = Trees.fit(learnt.features, learnt.labels, features.names(columns), settings)
    others = collaborative.fitted(known, catalog.names, at, settings)
    return Model(others, trees, settings, at, columns)


def all_examples(deeds: Deeds, catalog: Catalog, at: float, settings: Settings) -> Examples:
    """Make the examples of all states before a time.

    Raises:
        InputError: there are none.
    """
    found = [examples(deeds, catalog, one, settings) for one in states(deeds, at, settings)]
    if not any(len(one.labels) for one in found):
        raise InputError(
            f"deeds: no user bought something new within {settings.state_days:.0f} days after "
            "others had bought; give a longer log"
        )
    values = np.concatenate([one.features for one in found])
    return Examples(values, np.concatenate([one.labels for one in found]))


def states(deeds: Deeds, at: float, settings: Settings) -> list[float]:
    """Give the times whose following days are learnt, the latest last, none before the log."""
    back = [at - settings.state_days * DAY * (1 + place) for place in range(settings.states)]
    begin = deeds.time[0] if len(deeds) else at
    return [state for state in reversed(back) if state > begin]


def examples(deeds: Deeds, catalog: Catalog, state: float, settings: Settings) -> Examples:
    """Make the examples of one state: first purchases of the days after it, and others not bought.

    Half of the others are drawn evenly from the items sold in those days, half as often as they
    were sold; none is one that the person bought at any time. Who has no purchase before the state
    is a newcomer: their first purchases are picks, and the rest is to be found.
    """
    before, firsts = deeds.before(state), deeds.of_kind(BOUGHT).firsts()
    after = firsts.since(state).before(state + settings.state_days * DAY)
    found = [np.empty((0, len(features.names(tuple(catalog.columns)))), np.float32)]
    labels = [np.empty(0, bool)]
    if len(before.of_kind(BOUGHT)):
        view = _view(before, catalog, state, settings)
        draw = np.random.default_rng([settings.seed, int(state // DAY)])
        ever = persons(firsts)
        for user, person, targets in _cases(before, after, settings, draw):
            count = settings.negatives * len(targets)
            others = negatives.drawn(after.item, ever[user].items, count, draw)
            found.append(view(person, np.concatenate([targets, others])))
            labels.append(np.arange(len(found[-1])) < len(targets))
    return Examples(np.concatenate(found), np.concatenate(labels).astype(np.float32))


def _view(
    before: Deeds, catalog: Catalog, state: float, settings: Settings
) -> Callable[[Person, np.ndarray], np.ndarray]:
    """Give what makes features of a person and items as they were at a state."""
    fitted = collaborative.fitted(before, catalog.names, state, settings)
    scoring = Scoring(catalog, fitted, settings)
    pulse = Pulse.of(before, len(catalog))
    facts = ItemFacts(scoring, settings, sorted(catalog.columns))(pulse, state)

    def view(person: Person, items: np.ndarray) -> np.ndarray:
        tastes = person.tastes(state, settings.half_life)
        return features.features(tastes, items, scoring(person, state), facts, state)

    return view


def _cases(
    before: Deeds, after: Deeds, settings: Settings, draw: np.random.Generator
) -> Iterator[tuple[int, Person, np.ndarray]]:
    """Give users as they were, and what they then bought; newcomers with their picks."""
    past, wanted = persons(before), persons(after)
    for user in draw.permutation(sorted(wanted))[: settings.persons].tolist():
        person, targets = past.get(user), wanted[user].items
        if person is None:
            person, targets = Person().with_picks(targets[:PICKS]), targets[PICKS:]
        if len(targets):
            yield user, person, targets
