"""Numbers of each item at a time: how it sells, how its neighbours do, its age and its price."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.apps.recommend.ranking.deeds import DAY
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.scoring import Scoring
from tfsocial.apps.recommend.ranking.settings import Settings

WINDOWS = (7, 30, 90)  # days
SALES = (
    *(f"sold_{days}" for days in WINDOWS),
    "sold_ever",
    "trend_week",  # of the last week to the last month, as logarithm
    "trend_month",
    "days_since_sold",
    "buyers_size",
)
BY_NEIGHBOURS = (
    "near_sold_7",
    "near_sold_30",
    "near_trend_month",
    "words_sold_7",
    "words_sold_30",
    "words_trend_month",
    "smooth_sold_7",
    "smooth_sold_30",
    "smooth_trend_week",
    "smooth_trend_month",
    "smooth_buyers_size",
    "text_sold_7",  # smoothed without the item's own
    "text_sold_30",
    "text_trend_week",
    "text_trend_month",
    "text_buyers_size",
)
OWN = ("age", "price")
NAMES = (*SALES, *BY_NEIGHBOURS, *OWN)


class ItemFacts:
    """What changes with the pulse, made again when that has moved on.

    Args:
        columns: further columns of the catalogue, nan where it has none of a name.
    """

    def __init__(self, scoring: Scoring, settings: Settings, columns: Sequence[str] = ()):
        own, unknown = scoring.catalog, np.full(len(scoring.catalog), np.nan)
        self._columns = [own.columns.get(name, unknown) for name in columns]
        self._scoring, self._settings = scoring, settings
        self._near = scoring.text.neighbours(settings.neighbours)
        self._words = scoring.words.neighbours(settings.neighbours)
        self._made: tuple[Pulse, int, int] | None = None
        self._facts = np.empty(0)

    def __call__(self, pulse: Pulse, now: float) -> np.ndarray:
        """Give float32 [n, facts] in the order of `NAMES` and then the further columns."""
        made = (pulse, pulse.version, int(now // DAY))
        if made != self._made:
            self._facts, self._made = self._make(pulse, now), made
        return self._facts

    def _make(self, pulse: Pulse, now: float) -> np.ndarray:
        catalog = self._scoring.catalog
        week, month, quarter = (np.log1p(pulse.counts(now, days)) for days in WINDOWS)
        trend = week - np.log1p(np.expm1(month) * 7 / 30)
        month_trend = month - np.log1p(np.expm1(quarter) / 3)
        idle = np.where(np.isfinite(pulse.last), (now - pulse.last) / DAY, np.nan)
        buyers = self._buyers()
        sales = (week, month, quarter, np.log1p(pulse.ever), trend, month_trend, idle, buyers)
        columns = [
            *sales,
            *self._of_neighbours(np.stack([week, month, trend, month_trend, buyers])),
        ]
        age = np.maximum(now - catalog.listed, 0.0) / DAY
        return np.array([*columns, age, catalog.prices, *self._columns], np.float32).T

    def _buyers(self) -> np.ndarray:
        column = self._scoring.column
        return np.where(column >= 0, self._scoring.collaborative.buyers[column], np.nan)

    def _of_neighbours(self, values: np.ndarray) -> np.ndarray:
        """Give what like items sell: means of neighbours, and smoothed, [facts, n]."""
        means = [near @ values[[0, 1, 3]].T for near in (self._near, self._words)]
        own = values[:, self._scoring.known]
        smooth = self._scoring.smooth(own)
        inherited = self._scoring.smooth.inherited(own, smooth)
        return np.concatenate([*(one.T for one in means), smooth, inherited])
