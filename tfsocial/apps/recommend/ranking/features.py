"""What the trees see of a person and an item; the same live and in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.apps.recommend.ranking import item_facts
from tfsocial.apps.recommend.ranking.deeds import DAY
from tfsocial.apps.recommend.ranking.person import Tastes
from tfsocial.apps.recommend.ranking.scoring import SCORES

RANKS = tuple(f"{name}_rank" for name in SCORES if name != "text_refused")
PERSON = (
    "items",
    "days_since_last",
    "days_since_first",
    "basket",  # items of a day, mean
    "usual_price",
    "spread_of_prices",
    "usual_popularity",
    "usual_age",
)
CROSSED = ("price_to_usual", "popularity_to_usual", "size_to_buyers", "age_to_usual")


def names(columns: Sequence[str] = ()) -> tuple[str, ...]:
    """Name the features, where a catalogue has further columns."""
    further = (f"item_{name}" for name in columns)
    return (*SCORES, *RANKS, *item_facts.NAMES, *further, *PERSON, *CROSSED)


NAMES = names()
_AT = {name: place for place, name in enumerate(item_facts.NAMES)}


def features(
    tastes: Tastes, items: np.ndarray, scores: np.ndarray, facts: np.ndarray, now: float
) -> np.ndarray:
    """Give float32 [k, features] in the order of `names`, nan where nothing is known.

    Args:
        items: int64 [k], rows of the catalogue.
        scores: float32 [scores, n], of all items; facts: float32 [n, facts], with further columns.
        now: seconds since 1970.
    """
    places = [place for place, name in enumerate(SCORES) if name != "text_refused"]
    ranked = np.stack([ranks(scores[place], items) for place in places], 1)
    own = person_facts(tastes, facts, now)
    broad = np.broadcast_to(own, (len(items), len(own)))
    crossed = _crossed(facts[items], own)
    parts = (scores[:, items].T, ranked, facts[items], broad, crossed)
    return np.concatenate(parts, 1, dtype=np.float32)


def ranks(scores: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Give the logarithm of the rank of some among all, the best 0, nan where there is no score.

    >>> ranks(np.array([0.5, np.nan, 0.9]), np.arange(3)).round(1).tolist()
    [0.699999988079071, nan, 0.0]
    """
    ordered, own = np.sort(-scores), -scores[items]  # nan last
    rank = np.log1p(np.searchsorted(ordered, own).astype(np.float32))
    return np.where(np.isnan(own), np.nan, rank)


def person_facts(tastes: Tastes, facts: np.ndarray, now: float) -> np.ndarray:
    """Give float32 [facts of a person] in the order of `PERSON`."""
    if not len(tastes):
        return np.array([0.0] + [np.nan] * (len(PERSON) - 1), np.float32)
    days = (now - tastes.times) / DAY
    prices = _log_prices(facts[tastes.items])
    known = prices[~np.isnan(prices)]
    price = (known.mean(), known.std()) if len(known) else (np.nan, np.nan)
    return np.array(
        [
            np.log1p(len(tastes)),
            max(days.min(), 0.0),
            max(days.max(), 0.0),
            len(tastes) / len(np.unique(tastes.times // DAY)),
            *price,
            facts[tastes.items, _AT["sold_90"]].mean(),
            np.maximum(facts[tastes.items, _AT["age"]] - days, 0.0).mean(),
        ],
        np.float32,
    )


def _log_prices(facts: np.ndarray) -> np.ndarray:
    prices: np.ndarray = np.log(np.maximum(facts[:, _AT["price"]], 0.01))
    return prices


def _crossed(facts: np.ndarray, person: np.ndarray) -> np.ndarray:
    of = dict(zip(PERSON, person, strict=True))
    return np.stack(
        [
            _log_prices(facts) - of["usual_price"],
            facts[:, _AT["sold_90"]] - of["usual_popularity"],
            facts[:, _AT["buyers_size"]] - of["items"],
            facts[:, _AT["age"]] - of["usual_age"],
        ],
        1,
    )
