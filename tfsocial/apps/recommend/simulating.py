"""What becomes of a recommender that learns from its own lists: simulated, round by round.

Persons see nothing but lists. Each has things that they would take: what they really bought after
the log's cut, and what a model of the whole log, later weeks too, says of them. They look at a
place the more rarely the lower it stands, and take what they would take. What was taken is
all that the next round's ranking learns anew. After Chaney et al., How Algorithmic Confounding in
Recommendation Systems Increases Homogeneity and Decreases Utility, RecSys 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfsocial.apps.recommend.exploring import explore
from tfsocial.apps.recommend.ranking import collaborative, fitting
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import BOUGHT, DAY, Deeds
from tfsocial.apps.recommend.ranking.diversity import mmr, unit, with_bonus
from tfsocial.apps.recommend.ranking.measures import coverage
from tfsocial.apps.recommend.ranking.person import Person, persons
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker, best_first
from tfsocial.apps.recommend.ranking.settings import Settings

WEEK = 7 * DAY  # seconds of a round
LENGTH, CANDIDATES = 12, 300
WOULD = 50  # items that a person would take beside what they really bought


@dataclass(frozen=True)
class Loop:
    """How it is simulated.

    Attributes:
        rounds: fits after the first one.
        persons: who see lists, at most.
        diversity: of lists, 0 to 1; bonus: of what stood on few of the lists before.
        explored: places of a list that are drawn.
        seed: of who looks where.
    """

    rounds: int = 10
    persons: int = 400
    diversity: float = 0.1
    bonus: float = 0.1
    explored: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Round:
    """What lists were like in a round.

    Attributes:
        coverage: share of all items that stood on somebody's list.
        recall: share of the items listed that their person would take.
        taken: items that were taken.
    """

    coverage: float
    recall: float
    taken: int


def simulate(
    deeds: Deeds, catalog: Catalog, at: float, loop: Loop, settings: Settings | None = None
) -> list[Round]:
    """Let a ranking learn from its own lists for some rounds.

    Args:
        at: seconds since 1970; what was done from then on is what persons would take.

    Raises:
        InputError: too little was bought before it to learn from.
    """
    settings = settings or Settings()
    draw = np.random.default_rng(loop.seed)
    log, now = deeds.before(at), at
    world = _would_take(deeds, catalog, at, settings)
    users = draw.permutation(sorted(world))[: loop.persons].tolist()
    found, shown = [], np.zeros(len(catalog))
    for number in range(1 + loop.rounds):
        ranker = Ranker(fitting.fit(log, catalog, now, replace(settings, seed=number)), catalog)
        lists = _lists(ranker, log, users, now, loop, shown, draw)
        taken = _taken(lists, world, now, draw)
        hits = [np.isin(rows, world[user]).mean() for user, rows in lists.items() if len(rows)]
        share = coverage(list(lists.values()), len(catalog))
        found.append(Round(share, float(np.mean(hits)) if hits else 0.0, len(taken)))
        log, now = _after(log, taken), now + WEEK
    return found


def _would_take(
    deeds: Deeds, catalog: Catalog, at: float, settings: Settings
) -> dict[int, np.ndarray]:
    """Give what each person who bought before and after a time would take, rows of items."""
    end = float(deeds.time[-1])
    whole = collaborative.fitted(deeds, catalog.names, end, settings)
    columns = np.full(len(catalog), -1)
    columns[catalog.rows(whole.names)] = np.arange(len(whole.names))
    rows = catalog.rows(whole.names)
    before, after = persons(deeds.before(at)), persons(deeds.of_kind(BOUGHT).since(at))
    found = {}
    for user in sorted(set(before) & set(after)):
        had = np.concatenate([before[user].bought, after[user].bought])
        own = columns[had]
        scores = whole.ease[own[own >= 0]].sum(0)
        liked = rows[np.argsort(-scores, kind="stable")]
        liked = liked[~np.isin(liked, before[user].bought)][:WOULD]
        found[user] = np.union1d(after[user].bought, liked)
    return found


def _lists(
    ranker: Ranker,
    log: Deeds,
    users: Sequence[int],
    now: float,
    loop: Loop,
    shown: np.ndarray,
    draw: np.random.Generator,
) -> dict[int, np.ndarray]:
    """Make a list for each person; `shown` counts along how often each item stood on one."""
    vectors = ranker.catalog.vectors
    pulse, past = Pulse.of(log, len(vectors)), persons(log)
    found = {}
    for user in users:
        person = past.get(user, Person())
        rows, scores = best_first(ranker, person, pulse, now, CANDIDATES)
        worth = with_bonus(unit(scores), shown[rows], loop.bonus)
        chosen = mmr(worth, vectors[rows], LENGTH, loop.diversity)
        places, _ = explore(chosen.tolist(), range(len(rows)), loop.explored, draw)
        found[user] = rows[places]
        shown[found[user]] += 1
    return found


def _taken(
    lists: dict[int, np.ndarray],
    world: dict[int, np.ndarray],
    now: float,
    draw: np.random.Generator,
) -> list[tuple[int, int, float]]:
    """Let persons look, the more rarely the lower a place stands; gives user, item and time."""
    found = []
    for user, rows in lists.items():
        looks = draw.random(len(rows)) < 1 / np.log2(np.arange(2, len(rows) + 2))
        found += [
            (user, int(row), now + WEEK * draw.random())
            for row in rows[looks & np.isin(rows, world[user])]
        ]
    return found


def _after(log: Deeds, taken: list[tuple[int, int, float]]) -> Deeds:
    users, items, times = zip(*taken, strict=True) if taken else ((), (), ())
    return Deeds.of(
        np.concatenate([log.user, np.array(users, np.int64)]),
        np.concatenate([log.item, np.array(items, np.int64)]),
        np.concatenate([log.time, np.array(times, np.float64)]),
        np.concatenate([log.kind, np.full(len(taken), BOUGHT, np.int8)]),
        np.concatenate([log.quantity, np.ones(len(taken), np.float32)]),
    )
