"""How a ranking does on what it has not seen: the last weeks of the log, held out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tfsocial.apps.recommend.ranking import fitting
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import BOUGHT, DAY, Deeds
from tfsocial.apps.recommend.ranking.diversity import mmr, unit
from tfsocial.apps.recommend.ranking.measures import (
    coverage,
    intra_list_distance,
    ndcg,
    recall,
)
from tfsocial.apps.recommend.ranking.model import Model
from tfsocial.apps.recommend.ranking.person import Person, persons
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker, best_first, sorted_by
from tfsocial.apps.recommend.ranking.settings import Settings

K = 20  # items of a list
HELD_OUT = 28 * DAY  # seconds of the log's end
MOST = 500  # persons that are measured
AMOUNTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
PICKS = 3  # of a newcomer
CANDIDATES, MONTH = 300, 30


@dataclass(frozen=True)
class Group:
    """How lists do for some purchases.

    Attributes:
        persons: who made them.
        recall, ndcg: of lists of `K`, mean over persons.
        by_sales: recall of a list of what sold best in the month before.
    """

    persons: int
    recall: float
    ndcg: float
    by_sales: float


@dataclass(frozen=True)
class _Case:
    """Somebody, what they had done before, and what they bought later."""

    person: Person
    wanted: np.ndarray
    without: np.ndarray


@dataclass(frozen=True)
class _List:
    """Items, the best first, and their scores."""

    rows: np.ndarray
    scores: np.ndarray


def measure(deeds: Deeds, catalog: Catalog, settings: Settings | None = None) -> dict[str, Any]:
    """Fit on all but the last four weeks, and see what lists hold of what was bought then.

    Raises:
        InputError: too little was bought to learn from.
    """
    at = float(deeds.time[-1]) - HELD_OUT
    model = fitting.fit(deeds, catalog, at, settings)
    return measure_model(model, deeds, catalog, at)


def measure_model(model: Model, deeds: Deeds, catalog: Catalog, at: float) -> dict[str, Any]:
    """See what a ranking's lists hold of what was bought for the first time from a time on."""
    ranker = Ranker(model, catalog)
    before = deeds.before(at)
    pulse = Pulse.of(before, len(catalog))
    known = pulse.ever > 0
    after = deeds.of_kind(BOUGHT).firsts().since(at)
    cases, newcomers = _cases(before, after)
    judge = _Judge(ranker, pulse, at)
    lists = [judge.ranked(case) for case in cases]
    groups = {
        "all": judge.group(cases, lists),
        "warm": judge.group(_only(cases, known), lists),
        "cold": judge.among(_only(cases, ~known), np.flatnonzero(_sold_later(after, known))),
        "newcomers": judge.group(newcomers, [judge.ranked(case) for case in newcomers]),
    }
    prices = [judge.price(cases, lists, amount) for amount in AMOUNTS]
    return {
        "since": at,
        "days": HELD_OUT / DAY,
        "persons": len(cases),
        "groups": {name: asdict(one) for name, one in groups.items() if one is not None},
        "diversity": prices,
        "coverage": prices[0]["coverage"],
        "distance": prices[0]["distance"],
    }


def _cases(before: Deeds, after: Deeds) -> tuple[list[_Case], list[_Case]]:
    """Give who had done something before, and newcomers by their first purchases."""
    past, wanted = persons(before), persons(after)
    draw = np.random.default_rng(0)
    users = draw.permutation(sorted(wanted)).tolist()
    known = [user for user in users if user in past][:MOST]
    new = [user for user in users if user not in past and len(wanted[user].items) > PICKS][:MOST]
    return (
        [_Case(past[user], wanted[user].items, past[user].bought) for user in known],
        [
            _Case(
                Person().with_picks(wanted[user].items[:PICKS]),
                wanted[user].items[PICKS:],
                wanted[user].items[:PICKS],
            )
            for user in new
        ],
    )


def _only(cases: list[_Case], which: np.ndarray) -> list[_Case]:
    """Keep of what was wanted some items alone."""
    return [replace(case, wanted=case.wanted[which[case.wanted]]) for case in cases]


def _sold_later(after: Deeds, known: np.ndarray) -> np.ndarray:
    sold = np.zeros(len(known), bool)
    sold[after.item] = True
    return sold & ~known


class _Judge:
    """Makes lists, and counts what they hold."""

    def __init__(self, ranker: Ranker, pulse: Pulse, at: float):
        self._ranker, self._pulse, self._at = ranker, pulse, at
        self._by_sales = np.argsort(-pulse.counts(at, MONTH), kind="stable")

    def ranked(self, case: _Case) -> _List:
        """Rank the candidates of a case."""
        given = (case.person, self._pulse, self._at, CANDIDATES, case.without)
        return _List(*best_first(self._ranker, *given))

    def among(self, cases: list[_Case], rows: np.ndarray) -> Group | None:
        """Judge a ranking of some items among themselves."""
        scores = [self._ranker.score(one.person, rows, self._pulse, self._at) for one in cases]
        return self.group(cases, [_List(*sorted_by(rows, one)) for one in scores], rows)

    def group(
        self, cases: list[_Case], lists: list[_List], of: np.ndarray | None = None
    ) -> Group | None:
        """Judge lists of cases; those who wanted nothing have no say.

        Args:
            of: items that are ranked; None: all.
        """
        pairs = [
            (one.rows, case) for case, one in zip(cases, lists, strict=True) if len(case.wanted)
        ]
        if not pairs:
            return None
        best = self._by_sales if of is None else self._by_sales[np.isin(self._by_sales, of)]
        sales = [best[~np.isin(best, case.without)] for _, case in pairs]
        return Group(
            len(pairs),
            _mean([recall(rows, case.wanted, K) for rows, case in pairs]),
            _mean([ndcg(rows, case.wanted, K) for rows, case in pairs]),
            _mean(
                [recall(one, case.wanted, K) for one, (_, case) in zip(sales, pairs, strict=True)]
            ),
        )

    def price(self, cases: list[_Case], lists: list[_List], amount: float) -> dict[str, float]:
        """Say what diversity of some amount costs, and what it brings."""
        vectors = self._ranker.catalog.vectors
        made = [one.rows[mmr(unit(one.scores), vectors[one.rows], K, amount)] for one in lists]
        recalls = [recall(rows, case.wanted, K) for rows, case in zip(made, cases, strict=True)]
        return {
            "amount": amount,
            "recall": _mean(recalls),
            "distance": _mean([intra_list_distance(rows, vectors) for rows in made]),
            "coverage": coverage(made, len(vectors)) if made else 0.0,
        }


def _mean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else 0.0
