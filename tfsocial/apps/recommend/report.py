"""What operators see: how rankings do on what was held out, and what lists came to when shown."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfsocial.apps.recommend.exploring import Estimate, Trial, by_place, estimate
from tfsocial.apps.recommend.rankings import Fitted
from tfsocial.apps.recommend.records import DAY
from tfsocial.apps.recommend.service import LISTS, Recommender, State

POLICIES = ("shown", "by score alone", "by sales", "by text")
LATEST = 20_000  # lists that are read
SINCE = 30 * DAY  # seconds
PLACES = 12
WON = {"bought", "clicked"}


@dataclass(frozen=True)
class Live:
    """What came of the lists of the last month.

    Attributes:
        lists: that were made for somebody.
        taken: share of them of which something was clicked or bought.
        drawn: places that were drawn by lot.
        estimates: way to choose -> what it would have earned.
        places: how many drawn items were shown at each place, and how many were taken.
    """

    lists: int
    taken: float
    drawn: int
    estimates: Mapping[str, Estimate]
    places: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Report:
    """All that the page shows."""

    state: State
    rankings: Sequence[Fitted]
    live: Live


def report(recommender: Recommender) -> Report:
    """Put the report together."""
    return Report(recommender.state(), recommender.rankings.all(), live(recommender))


def live(recommender: Recommender) -> Live:
    """Compute what came of lists, and what other ways to choose would have come to."""
    since = time.time() - SINCE
    shown = [
        event.content
        for event in recommender.log.latest(LISTS, LATEST)
        if event.happened >= since and event.content
    ]
    came = recommender.history.of_lists(since)
    won = {pair for pair, kinds in came.items() if kinds & WON}
    names = {name for name, _ in won}
    drawn = [(content, one) for content in shown for one in content["drawn"]]
    trials = [_trial(content, one, won) for content, one in drawn]
    places = [
        {one["place"]: (content["list"], one["item"]) in won for one in content["drawn"]}
        for content in shown
    ]
    return Live(
        len(shown),
        sum(content["list"] in names for content in shown) / len(shown) if shown else 0.0,
        len(drawn),
        {policy: estimate(trials, policy) for policy in POLICIES} if trials else {},
        by_place(places, PLACES),
    )


def _trial(content: Mapping[str, Any], one: Mapping[str, Any], won: set[tuple[str, str]]) -> Trial:
    return Trial(
        one["chance"], one["would"], len(content["items"]), (content["list"], one["item"]) in won
    )
