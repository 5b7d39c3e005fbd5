"""Places of lists that are drawn by lot, and what other ways to choose would have come to.

One place of a list, itself drawn, gets an item drawn evenly from the best candidates. So every
candidate had the same chance to be seen, wherever the ranking has it, and what persons did with
those items tells what any way to choose would have earned, free of the ranking's own taste and of
the places' pull: inverse propensity scoring (Horvitz and Thompson 1952; Li et al., Unbiased Offline
Evaluation of Contextual-bandit-based News Article Recommendation Algorithms, WSDM 2011).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

POOL = 60  # best candidates that an explored place is drawn from


@dataclass(frozen=True)
class Explored:
    """A place that was drawn.

    Attributes:
        place: in the list, from 0 on.
        item: that was put there.
        chance: that it was this item.
    """

    place: int
    item: int
    chance: float


def explore(
    chosen: Sequence[int], pool: Sequence[int], places: int, draw: np.random.Generator
) -> tuple[list[int], list[Explored]]:
    """Put drawn items into drawn places of a list; the others keep their order.

    Args:
        chosen: the list as the ranking wants it.
        pool: candidates, the best first; of these the first `POOL` are drawn from.
        places: how many.

    Returns:
        A list of the same length without repeats, and what was drawn.

    >>> explore([1, 2, 3], [], 1, np.random.default_rng(0))
    ([1, 2, 3], [])
    """
    pool = list(pool[:POOL])
    places = min(places, len(pool), len(chosen))
    if not places:
        return list(chosen), []
    items = [int(one) for one in draw.choice(pool, places, replace=False)]
    at = sorted(int(one) for one in draw.choice(len(chosen), places, replace=False))
    rest = iter([one for one in chosen if one not in items])
    drawn = dict(zip(at, items, strict=True))
    made = [drawn[place] if place in drawn else next(rest) for place in range(len(chosen))]
    return made, [Explored(place, item, 1 / len(pool)) for place, item in drawn.items()]


@dataclass(frozen=True)
class Trial:
    """A drawn place, and what came of it.

    Attributes:
        chance: that it was this item.
        would: ways to choose whose list of this length had the item.
        length: of the list.
        won: whether the person took it.
    """

    chance: float
    would: Collection[str]
    length: int
    won: bool


@dataclass(frozen=True)
class Estimate:
    """What a way to choose would have earned.

    Attributes:
        rate: share of the items on its lists that would have been taken.
        low, high: in 95 of 100 cases it lies between these.
        trials: drawn places whose item it would have listed.
    """

    rate: float
    low: float
    high: float
    trials: int


def estimate(trials: Sequence[Trial], policy: str) -> Estimate:
    """Estimate what a way to choose would have earned, by inverse propensity scoring.

    A trial counts 1 / (chance * length) if the way would have listed its item: in expectation
    every item of its list counts 1 / length.

    >>> trials = [Trial(0.1, {"new"}, 10, True), Trial(0.1, {"old"}, 10, False)]
    >>> estimate(trials, "new").rate, estimate(trials, "old").rate
    (0.5, 0.0)
    """
    if not trials:
        return Estimate(math.nan, math.nan, math.nan, 0)
    counts = [policy in one.would for one in trials]
    values = np.array(
        [
            one.won / (one.chance * one.length) if count else 0.0
            for one, count in zip(trials, counts, strict=True)
        ]
    )
    mean = float(values.mean())
    spread = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else mean
    return Estimate(mean, max(0.0, mean - spread), mean + spread, sum(counts))


def by_place(lists: Sequence[Mapping[int, bool]], most: int) -> list[tuple[int, int]]:
    """Count for each place how many drawn items were shown there, and how many were taken.

    Args:
        lists: of each list its drawn places -> whether what stood there was taken.

    >>> by_place([{0: True}, {1: False}, {0: False}], 2)
    [(2, 1), (1, 0)]
    """
    shown, taken = np.zeros(most, int), np.zeros(most, int)
    for one in lists:
        for place, won in one.items():
            if place < most:
                shown[place] += 1
                taken[place] += won
    return list(zip(shown.tolist(), taken.tolist(), strict=True))
