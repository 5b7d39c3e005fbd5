"""Texts that stand in the pool twice, or nearly: nobody is asked about them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tfsocial.inspection import near_duplicates
from tfsocial.selection.reading import TextTuple

Propose = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""(free rows, taken rows, how many) -> some of the free rows, best first."""

SPARE = 0.1  # asked for beyond what is wanted, since some will be near another


def form(columns: TextTuple) -> str:
    """Reduce an example's texts to what those that look the same have in common."""
    return "\x1f".join(map(near_duplicates.normal_form, columns))


def first_of_each(forms: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Give the first row of each form that is not known, int [m], ascending.

    >>> first_of_each(["a", "b", "a", "c"], ["b"]).tolist()
    [0, 3]
    """
    seen = set(known)
    return np.array([row for row, one in enumerate(forms) if not _noted(one, seen)], np.int64)


def _noted(one: str, seen: set[str]) -> bool:
    if one in seen:
        return True
    seen.add(one)
    return False


def without_near(
    forms: Sequence[str], known: Sequence[str], n: int, propose: Propose
) -> tuple[np.ndarray, int]:
    """Take what is proposed, but for texts near to a known one or to one taken before.

    Args:
        forms: of the candidates, different ones.
        known: forms that are labelled.
        n: rows wanted.

    Returns:
        (rows, int [at most n]; how many were left out).
    """
    free = np.ones(len(forms), bool)
    chosen: list[int] = []
    left_out = 0
    while len(chosen) < n and free.any():
        wanted = n - len(chosen)
        rows = propose(np.flatnonzero(free), np.array(chosen, np.int64), wanted + _spare(wanted))
        free[rows] = False
        kept = _apart(forms, [*known, *(forms[row] for row in chosen)], rows)
        left_out += len(rows) - len(kept)
        chosen += kept[:wanted]
    return np.array(chosen, np.int64), left_out


def _spare(wanted: int) -> int:
    return int(np.ceil(SPARE * wanted))


def _apart(forms: Sequence[str], before: Sequence[str], rows: np.ndarray) -> list[int]:
    """Keep rows that are near to none of those before, or kept before them."""
    pairs = near_duplicates.near([*before, *(forms[row] for row in rows)])
    dropped = np.zeros(len(rows), bool)
    first, second = pairs.first - len(before), pairs.second - len(before)
    for other, mine in sorted(zip(first.tolist(), second.tolist(), strict=True), key=_by_later):
        if mine >= 0 and (other < 0 or not dropped[other]):
            dropped[mine] = True
    return rows[~dropped].tolist()


def _by_later(pair: tuple[int, int]) -> int:
    return pair[1]
