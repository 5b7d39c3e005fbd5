"""Make a list: candidates, scores, unlike each other, a place by lot, a reason for each."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfsocial.apps.recommend.exploring import POOL, Explored, explore
from tfsocial.apps.recommend.ground import Ground
from tfsocial.apps.recommend.ranking.diversity import mmr, unit, with_bonus
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.ranker import best_first
from tfsocial.apps.recommend.reasons import reasons
from tfsocial.apps.recommend.records import List, Listed, Reason, Rules

MONTH = 30  # days of sales that the simplest way to choose goes by


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    Attributes:
        count: items of the list.
        diversity: 0 to 1.
        without: rows of items that are not to be on it.
        reasons: whether each item is to have one; without them it is quicker.
        explored: places that are drawn.
    """

    count: int
    diversity: float
    without: np.ndarray
    reasons: bool
    explored: int


@dataclass(frozen=True)
class Made:
    """A list, and what the log keeps of it."""

    list: List
    kept: dict[str, Any]


def make(ground: Ground, person: Person, wish: Wish, rules: Rules, now: float) -> Made:
    """Make a list for somebody.

    Raises:
        Nothing: where nothing can be recommended the list is empty.
    """
    looked_at = max(rules.candidates, 2 * wish.count)
    rows, scores = best_first(ground.ranker, person, ground.pulse, now, looked_at, wish.without)
    worth = with_bonus(unit(scores), ground.exposure[rows], rules.bonus)
    chosen = mmr(worth, ground.catalog.vectors[rows], wish.count, wish.diversity)
    draw = np.random.default_rng(secrets.randbits(64))
    places, drawn = explore(chosen.tolist(), range(len(rows)), wish.explored, draw)
    final = [int(rows[place]) for place in places]
    said = _reasons(ground, person, final, scores[places], wish, drawn, now)
    chances = {one.place: one.chance for one in drawn}
    items = tuple(
        _listed(ground, row, float(scores[place]), reason, chances.get(at, 1.0))
        for at, (row, place, reason) in enumerate(zip(final, places, said, strict=True))
    )
    made = List(secrets.token_urlsafe(12), items, str(ground.ranking or ""))
    would = {
        "shown": chosen.tolist(),
        "by score alone": list(range(min(wish.count, len(rows)))),
        "by sales": _by_sales(ground, rows, wish.count, now),
        "by text": _by_text(ground, person, rows, wish.count, now),
    }
    return Made(made, _kept(made, ground, rows, drawn, would))


def _reasons(
    ground: Ground,
    person: Person,
    rows: Sequence[int],
    scores: np.ndarray,
    wish: Wish,
    drawn: Collection[Explored],
    now: float,
) -> list[Reason]:
    if wish.reasons:
        found = reasons(ground, person, rows, scores, now)
    else:
        found = [Reason("ranked")] * len(rows)
    for one in drawn:
        found[one.place] = Reason("drawn")
    return found


def _listed(ground: Ground, row: int, score: float, reason: Reason, chance: float) -> Listed:
    item = ground.items[row]
    return Listed(item.id, item.title, item.link, item.price, score, reason, chance)


def _kept(
    made: List,
    ground: Ground,
    rows: np.ndarray,
    drawn: Collection[Explored],
    would: dict[str, list[int]],
) -> dict[str, Any]:
    """Say what is kept of a list: its items, what was drawn, and who else would have listed it."""
    return {
        "list": made.id,
        "ranking": made.ranking,
        "items": [one.id for one in made.items],
        "drawn": [
            {
                "place": one.place,
                "item": ground.items[int(rows[one.item])].id,
                "chance": one.chance,
                "would": [name for name, places in would.items() if one.item in places],
            }
            for one in drawn
        ],
    }


def _by_sales(ground: Ground, rows: np.ndarray, count: int, now: float) -> list[int]:
    """Choose of the candidates that may be drawn those that sell best; gives their places."""
    sold = ground.pulse.counts(now, MONTH)[rows[:POOL]]
    return [int(one) for one in np.argsort(-sold, kind="stable")[:count]]


def _by_text(ground: Ground, person: Person, rows: np.ndarray, count: int, now: float) -> list[int]:
    """Choose of the candidates that may be drawn those whose text is most like what was liked."""
    tastes = person.tastes(now, MONTH)
    if not len(tastes):
        return []
    vectors = ground.catalog.vectors
    alike = vectors[rows[:POOL]] @ (tastes.recent @ vectors[tastes.items])
    return [int(one) for one in np.argsort(-alike, kind="stable")[:count]]
