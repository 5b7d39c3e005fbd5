"""Why an item is on a list; what a reason names is what made the difference.

A reason that names something the person had to do with holds only if, without it, the item would
have scored lower: this is tried, with the ranking itself, for each reason that is shown (a
counterfactual explanation; Wachter et al. 2018, and for lists Tran et al., Counterfactual
Explanations for Neural Recommenders, SIGIR 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfsocial.apps.recommend.ground import Ground
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.ranker import Ranker
from tfsocial.apps.recommend.records import DAY, Reason

ALIKE = 0.4  # cosine of two texts from which on they are called alike
TRIED = 2  # items that are tried for a reason
NAMED = 8  # items of a person that reasons name; each is tried once, for all of a list
MONTH = 30
POPULAR = 0.95  # share of items that sell less than one that is called popular
NEW = 30 * DAY  # seconds


@dataclass(frozen=True)
class _Guess:
    """A reason that may hold."""

    kind: str
    liked: int
    strength: float


def reasons(
    ground: Ground, person: Person, rows: Sequence[int], scores: np.ndarray, now: float
) -> list[Reason]:
    """Give the reason of each item of a list.

    Args:
        rows: of the items in the catalogue.
        scores: [k], with all that the person did.
    """
    places = np.asarray(rows, np.int64)
    guesses = [_guesses(ground, person, row, now) for row in rows]
    named = _most_named(guesses)
    without = {
        liked: ground.ranker.score(_without(person, liked), places, ground.pulse, now)
        for liked in named
    }
    sold = ground.pulse.counts(now, MONTH)
    popular = sold > _popular(sold)
    found = []
    for place, (row, own) in enumerate(zip(rows, guesses, strict=True)):
        holds = [
            one for one in own if one.liked in without and without[one.liked][place] < scores[place]
        ]
        if row in person.items:
            found.append(Reason("seen"))
        elif holds:
            best = max(holds, key=lambda one: scores[place] - without[one.liked][place])
            found.append(Reason(best.kind, ground.items[best.liked].id))
        else:
            found.append(_plain(ground, row, popular, now))
    return found


def _without(person: Person, row: int) -> Person:
    """Give the person as if they had never had to do with an item."""
    kept, picked = person.items != row, person.picked != row
    return replace(
        person,
        items=person.items[kept],
        times=person.times[kept],
        kinds=person.kinds[kept],
        quantities=person.quantities[kept],
        picked=person.picked[picked],
        picked_weights=person.picked_weights[picked],
    )


def _guesses(ground: Ground, person: Person, row: int, now: float) -> list[_Guess]:
    """List what may be why an item is there, the likeliest first."""
    liked = person.tastes(now, MONTH).items
    liked = liked[liked != row]
    if not len(liked):
        return []
    picked = set(person.picked.tolist())
    vectors = ground.catalog.vectors
    alike = vectors[liked] @ vectors[row]
    found = [
        _Guess(
            "interest" if int(liked[place]) in picked else "like", int(liked[place]), alike[place]
        )
        for place in np.argsort(-alike)[:TRIED]
        if alike[place] >= ALIKE
    ]
    together = _together(ground, liked, row)
    found += [
        _Guess("with", int(liked[place]), together[place])
        for place in np.argsort(-together)[:TRIED]
        if together[place] > 0
    ]
    return found


def _together(ground: Ground, liked: np.ndarray, row: int) -> np.ndarray:
    """Give how much each liked item speaks for another one by what others bought, [k]."""
    if not isinstance(ground.ranker, Ranker):
        return np.zeros(len(liked))
    return ground.ranker.together(liked, row)


def _most_named(guesses: Sequence[Sequence[_Guess]]) -> list[int]:
    """Choose the items that are tried: those that stand first for most of a list."""
    votes: dict[int, float] = {}
    for own in guesses:
        for rank, one in enumerate(own):
            votes[one.liked] = votes.get(one.liked, 0.0) + 1 / (1 + rank)
    return sorted(votes, key=lambda liked: -votes[liked])[:NAMED]


def _plain(ground: Ground, row: int, popular: np.ndarray, now: float) -> Reason:
    if popular[row]:
        return Reason("popular")
    if now - ground.catalog.listed[row] < NEW:
        return Reason("new")
    return Reason("ranked")


def _popular(sold: np.ndarray) -> float:
    """Give the sales of a month that few items are above."""
    return max(0.0, float(np.quantile(sold, POPULAR))) if len(sold) else 0.0
