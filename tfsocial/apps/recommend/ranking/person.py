"""One person: what they did, and what a newcomer picked. Scores follow from it alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tfsocial.apps.recommend.ranking.deeds import BOUGHT, DAY, KINDS, REFUSED, RETURNED, Deeds

# How much a deed says that somebody wants an item; what was refused or sent back says nothing for
# it. That of a click is by convention: no log with clicks and purchases was at hand.
WANTED = {"bought": 1.0, "clicked": 0.3, "returned": 0.0, "refused": 0.0}
_WANTED = np.array([WANTED[kind] for kind in KINDS], np.float32)


OLD = 30.0  # half-lives after which a deed weighs no less


def _empty(dtype: type) -> np.ndarray:
    return np.empty(0, dtype)


@dataclass(frozen=True)
class Person:
    """A live history, sorted by time, and picked interests; all may be empty.

    Attributes:
        items: int64 [k], rows of the catalogue; times: float64 [k]; kinds: int8 [k];
            quantities: float32 [k].
        picked: int64 [p], items that a newcomer picked; picked_weights: float32 [p].
        wishes: float32 [w, d], vectors of interests, of length 1; wish_weights: float32 [w].
    """

    items: np.ndarray = field(default_factory=lambda: _empty(np.int64))
    times: np.ndarray = field(default_factory=lambda: _empty(np.float64))
    kinds: np.ndarray = field(default_factory=lambda: _empty(np.int8))
    quantities: np.ndarray = field(default_factory=lambda: _empty(np.float32))
    picked: np.ndarray = field(default_factory=lambda: _empty(np.int64))
    picked_weights: np.ndarray = field(default_factory=lambda: _empty(np.float32))
    wishes: np.ndarray | None = None
    wish_weights: np.ndarray = field(default_factory=lambda: _empty(np.float32))

    @classmethod
    def of(cls, deeds: Deeds) -> Person:
        """Take the deeds of one user."""
        return cls(deeds.item, deeds.time, deeds.kind, deeds.quantity)

    def did(self, item: int, time: float, kind: int = BOUGHT, quantity: float = 1.0) -> Person:
        """Give the person after one more deed, which is the latest."""
        return replace(
            self,
            items=np.append(self.items, np.int64(item)),
            times=np.append(self.times, np.float64(time)),
            kinds=np.append(self.kinds, np.int8(kind)),
            quantities=np.append(self.quantities, np.float32(quantity)),
        )

    def with_picks(self, items: np.ndarray, weights: np.ndarray | None = None) -> Person:
        """Give the person with items picked as interests."""
        picked = np.asarray(items, np.int64)
        own = np.ones(len(picked)) if weights is None else weights
        return replace(self, picked=picked, picked_weights=np.asarray(own, np.float32))

    def with_wishes(self, vectors: np.ndarray, weights: np.ndarray | None = None) -> Person:
        """Give the person with interests that are texts: vectors float32 [w, d] of length 1."""
        own = np.ones(len(vectors)) if weights is None else weights
        wishes = np.asarray(vectors, np.float32)
        return replace(self, wishes=wishes, wish_weights=np.asarray(own, np.float32))

    @property
    def bought(self) -> np.ndarray:
        """Items that were bought, int64."""
        return self.items[self.kinds == BOUGHT]

    @property
    def refused(self) -> np.ndarray:
        """Items that the person is not interested in, or sent back."""
        return self.items[(self.kinds == REFUSED) | (self.kinds == RETURNED)]

    def tastes(self, now: float, half_life: float) -> Tastes:
        """Weigh each item once, by the strongest of its deeds.

        Args:
            now: seconds since 1970, of which the picks are.
            half_life: days after which a deed weighs half among the recent ones.
        """
        items = np.concatenate([self.items, self.picked])
        times = np.concatenate([self.times, np.full(len(self.picked), now)])
        weights = np.concatenate([_WANTED[self.kinds], self.picked_weights])
        weights = np.where(np.isin(items, self.refused), 0.0, weights)
        own, place = np.unique(items, return_inverse=True)
        strongest, latest = np.zeros(len(own), np.float32), np.full(len(own), -np.inf)
        np.maximum.at(strongest, place, weights.astype(np.float32))
        np.maximum.at(latest, place, times)
        order = np.argsort(latest, kind="stable")
        order = order[strongest[order] > 0]
        age = np.clip((now - latest[order]) / (half_life * DAY), 0.0, OLD)
        recent = strongest[order] * np.exp2(-age).astype(np.float32)
        return Tastes(own[order], latest[order], strongest[order], recent)


@dataclass(frozen=True)
class Tastes:
    """Items somebody wanted, each once, the latest last.

    Attributes:
        items: int64 [k]; times: float64 [k], of the last deed; weights: float32 [k], above 0;
        recent: float32 [k], weights that late deeds have most of.
    """

    items: np.ndarray
    times: np.ndarray
    weights: np.ndarray
    recent: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    def last(self, most: int) -> Tastes:
        """Give the latest ones."""
        return self[slice(max(0, len(self) - most), None)]

    def __getitem__(self, which: slice | np.ndarray) -> Tastes:
        """Take a slice or a mask."""
        return Tastes(self.items[which], self.times[which], self.weights[which], self.recent[which])


def persons(deeds: Deeds) -> dict[int, Person]:
    """Part a log by user."""
    order = np.argsort(deeds.user, kind="stable")
    users, begins = np.unique(deeds.user[order], return_index=True)
    parts = np.split(order, begins[1:]) if len(users) else []
    return {int(user): Person.of(deeds[part]) for user, part in zip(users, parts, strict=True)}
