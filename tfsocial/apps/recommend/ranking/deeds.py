"""What users did with items, as columns."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from tfsocial.errors import InputError

DAY = 86_400.0  # seconds
KINDS = ("bought", "clicked", "returned", "refused")  # refused: "not interested"
BOUGHT, CLICKED, RETURNED, REFUSED = range(len(KINDS))


@dataclass(frozen=True)
class Deeds:
    """A log of deeds, sorted by time; made by `Deeds.of`.

    Attributes:
        user, item: int64 [k]; an item by its row in the catalogue.
        time: float64 [k], seconds since 1970.
        kind: int8 [k], the place in `KINDS`.
        quantity: float32 [k].
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    quantity: np.ndarray

    @classmethod
    def of(
        cls,
        user: npt.ArrayLike,
        item: npt.ArrayLike,
        time: npt.ArrayLike,
        kind: npt.ArrayLike = BOUGHT,
        quantity: npt.ArrayLike = 1.0,
    ) -> Deeds:
        """Sort deeds by time; those of one time stay in their order.

        Args:
            kind, quantity: of each deed, or one for all.

        Raises:
            InputError: columns differ in length, or a kind is unknown.
        """
        when = np.asarray(time, np.float64)
        given = {"user": user, "item": item, "kind": kind, "quantity": quantity}
        columns = {name: np.asarray(values) for name, values in given.items()}
        for name, values in columns.items():
            if values.ndim and values.shape != when.shape:
                raise InputError(
                    f"deeds: {name} has {len(values)} values for {len(when)} times; give one each"
                )
        kinds = np.broadcast_to(columns["kind"], when.shape).astype(np.int8)
        if len(kinds) and not 0 <= kinds.min() <= kinds.max() < len(KINDS):
            raise InputError(f"deeds: kind must be the place of one of {', '.join(KINDS)}")
        order = np.argsort(when, kind="stable")
        return cls(
            columns["user"].astype(np.int64)[order],
            columns["item"].astype(np.int64)[order],
            when[order],
            kinds[order],
            np.broadcast_to(columns["quantity"], when.shape).astype(np.float32)[order],
        )

    def __len__(self) -> int:
        return len(self.time)

    def before(self, at: float) -> Deeds:
        """Give those before a time."""
        return self[: int(np.searchsorted(self.time, at, "left"))]

    def since(self, at: float) -> Deeds:
        """Give those at a time and after it."""
        return self[int(np.searchsorted(self.time, at, "left")) :]

    def of_kind(self, kind: int) -> Deeds:
        """Give those of one kind."""
        return self[self.kind == kind]

    def firsts(self) -> Deeds:
        """Give the first deed of each user with each item."""
        pairs = np.stack([self.user, self.item], 1)
        return self[np.sort(np.unique(pairs, axis=0, return_index=True)[1])]

    def __getitem__(self, which: slice | np.ndarray) -> Deeds:
        """Take a slice, a mask or places in their order."""
        return Deeds(*(getattr(self, one.name)[which] for one in fields(self)))
