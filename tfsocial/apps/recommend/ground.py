"""What lists are made on: the items with their vectors, what sells, a ranking. Never half new."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.recommend.items import Item
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import Deeds
from tfsocial.apps.recommend.ranking.person import Person
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker
from tfsocial.apps.recommend.records import KINDS, Deed
from tfsocial.apps.recommend.shelf import Shown
from tfsocial.apps.recommend.untrained import Untrained


@dataclass(frozen=True)
class Ground:
    """What a list is made on.

    Attributes:
        shown: that it was made of.
        items: in the order of the catalogue's rows.
        withdrawn: bool [n].
        exposure: float32 [n], how often each item stood on lists lately; goes on while lists are
            made.
        ranking: number of the ranking; 0: none is fitted yet.
    """

    shown: Shown
    items: Sequence[Item]
    catalog: Catalog
    withdrawn: np.ndarray
    ranker: Ranker | Untrained
    pulse: Pulse
    exposure: np.ndarray
    ranking: int = 0

    def row(self, id: str) -> int:
        """Give an item's row; -1: there is none."""
        return self.catalog.position.get(id, -1)

    def not_offered(self, now: float) -> np.ndarray:
        """Give the rows of what is not sold now, int64."""
        return np.flatnonzero(self.withdrawn | (self.catalog.listed > now))


def catalog_of(items: Sequence[Item], vectors: np.ndarray) -> Catalog:
    """Put items into columns; those of one place keep it when others are added behind them."""
    prices = [np.nan if item.price is None else item.price for item in items]
    return Catalog(
        tuple(item.id for item in items),
        tuple(item.text for item in items),
        np.array(prices, np.float32),
        np.array([item.since or 0.0 for item in items], np.float64),
        vectors,
    )


def person_of(deeds: Sequence[Deed], catalog: Catalog, interests: Iterable[str] = ()) -> Person:
    """Put what a person did into columns; what they did with unknown items is left out."""
    own = [deed for deed in deeds if deed.item in catalog.position]
    person = Person.of(columns_of([(0, deed) for deed in own], catalog))
    picked = [catalog.position[one] for one in interests if one in catalog.position]
    return person.with_picks(np.array(picked, np.int64)) if picked else person


def columns_of(deeds: Sequence[tuple[int, Deed]], catalog: Catalog) -> Deeds:
    """Put deeds, each with its user's number, into columns; their items must be known."""
    return Deeds.of(
        [user for user, _ in deeds],
        [catalog.position[deed.item] for _, deed in deeds],
        [deed.happened for _, deed in deeds],
        np.array([KINDS.index(deed.kind) for _, deed in deeds], np.int8),
        np.array([deed.quantity for _, deed in deeds], np.float32),
    )
