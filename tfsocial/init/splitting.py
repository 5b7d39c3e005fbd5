"""Train, dev and test by groups of texts that are nearly the same: no group lies in two splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from tfsocial.inspection.near_duplicates import near, normal_form

ENOUGH_FOR_TEST = 200  # labelled rows; of fewer there is only train and dev
SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}
SHARES_OF_FEW = {"train": 0.7, "dev": 0.3}


def groups(texts: Sequence[str]) -> np.ndarray:
    """Number the groups of texts that are the same or nearly so, int [n]; transitive.

    >>> groups(["Where is my card", "thank you", "where is my card?"]).tolist()
    [0, 1, 0]
    """
    index: dict[str, int] = {}
    form = np.array([index.setdefault(normal_form(text), len(index)) for text in texts])
    pairs = near(list(index))
    count = len(index)
    edges = np.ones(len(pairs.first), bool), (pairs.first.astype(int), pairs.second.astype(int))
    graph = sparse.coo_matrix(edges, shape=(count, count))
    _, component = csgraph.connected_components(graph, directed=False)
    return np.unique(component[form], return_inverse=True)[1]


def split(
    group: np.ndarray, strata: Sequence[str], shares: Mapping[str, float] | None = None
) -> dict[str, np.ndarray]:
    """Share rows out to splits by whole groups, each stratum as evenly as its groups allow.

    The rarest strata come first, and of each the first group goes to train: what is learned
    nowhere cannot be scored. No chance: the same table gives the same splits.

    Args:
        group: int [n].
        strata: n labels; a group has that of its rarest row.
        shares: split -> its part of the rows, train first; left out, those for so many rows.

    Returns:
        Split -> its rows, int, in the table's order; no split without any.
    """
    shares = shares or (SHARES if len(group) >= ENOUGH_FOR_TEST else SHARES_OF_FEW)
    names, share = list(shares), np.array([*shares.values()])
    label = np.unique(strata, return_inverse=True)[1]
    counts = np.bincount(label)
    sizes = np.bincount(group)
    stratum = np.full(len(sizes), -1)
    for row in np.argsort(-counts[label], kind="stable"):  # the rarest last, so it stays
        stratum[group[row]] = label[row]
    place = np.zeros(len(sizes), int)
    for one in np.argsort(counts, kind="stable"):
        given = np.zeros(len(names))
        members = np.flatnonzero(stratum == one)
        for number in _scattered(members):
            behind = share * (given.sum() + sizes[number]) - given
            place[number] = int(np.argmax(behind)) if given[0] else 0
            given[place[number]] += sizes[number]
    rows = {name: np.flatnonzero(place[group] == number) for number, name in enumerate(names)}
    return {name: members for name, members in rows.items() if len(members)}


def _scattered(numbers: np.ndarray) -> np.ndarray:
    """Order numbers as if by chance, always the same way: rows of a file are often sorted."""
    hashed = numbers.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)
    return numbers[np.argsort(hashed)]
