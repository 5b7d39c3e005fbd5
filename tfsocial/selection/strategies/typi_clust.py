"""TypiClust: the most typical text of each part of the pool that has no label yet."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tfsocial.selection.contract import Candidates
from tfsocial.selection.strategies.clusters import clusters
from tfsocial.selection.strategies.uncertainty import margins

MOST_COMPARED = 4096  # members of a cluster that typicality is measured by


@dataclass(frozen=True)
class TypiClust:
    """Clusters as many as labels there will be; of the largest without a label, the densest point.

    Hacohen, Dekel and Weinshall (2022), Active Learning on a Budget: Opposite Strategies Suit High
    and Low Budgets, arXiv:2202.02794, algorithm 1. Typicality is their equation 4: the inverse of
    the mean distance to the nearest neighbours.

    Attributes:
        neighbours: that typicality is measured by; fewer in smaller clusters.
        smallest: clusters with fewer texts come last.
    """

    needs_probabilities: ClassVar[bool] = False
    neighbours: int = 20
    smallest: int = 5

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        return self.chosen(candidates, n, np.ones(len(candidates)))

    def chosen(self, candidates: Candidates, n: int, weights: np.ndarray) -> np.ndarray:
        """Choose as this strategy does, but clusters are as large as the weights in them.

        Args:
            weights: of the candidates, float [rows].
        """
        free, n = len(candidates), min(n, len(candidates))
        every = np.concatenate([candidates.vectors, candidates.covered])
        count = min(len(every), len(candidates.covered) + n)
        if n == 0:
            return np.zeros(0, np.int64)
        cluster = clusters(every, count, candidates.random)
        members = np.split(
            np.argsort(cluster[:free], kind="stable"),
            np.cumsum(np.bincount(cluster[:free], minlength=count))[:-1],
        )
        by_typicality = {
            number: self._by_typicality(every, np.flatnonzero(cluster == number), rows)
            for number, rows in enumerate(members)
            if len(rows)
        }
        has = np.bincount(cluster[free:], minlength=count)
        sizes = np.bincount(cluster[:free], weights, minlength=count)
        small = np.bincount(cluster, minlength=count) < self.smallest
        turns = [(has[one], small[one], -sizes[one], one) for one in by_typicality]
        return np.fromiter(_in_turn(turns, by_typicality, n), np.int64, n)

    def _by_typicality(
        self, vectors: np.ndarray, whole: np.ndarray, rows: np.ndarray
    ) -> Iterator[int]:
        """List `rows` of a cluster, the most typical first; looked at when somebody asks."""
        others = whole[:: -(-len(whole) // MOST_COMPARED)]
        distances = _distances(vectors[rows], vectors[others], self.neighbours + 1)
        yield from rows[np.argsort(distances, kind="stable")].tolist()


@dataclass(frozen=True)
class TypiMargin:
    """TypiClust that passes over clusters whose labels are known: there a text weighs its doubt.

    A cluster is as large as the sum of (1 - margin) ** 2 over its texts, margin as of `Margin`.
    Ours: on balanced pools of many classes it is better than either, see docs/results/selection.md.

    Attributes:
        clustering: what clusters and typicality are.
        power: of the doubt.
    """

    needs_probabilities: ClassVar[bool] = True
    clustering: TypiClust = TypiClust()
    power: float = 2.0

    def __call__(self, candidates: Candidates, n: int) -> np.ndarray:
        assert candidates.probabilities is not None, "see needs_probabilities"
        doubts = (1 - margins(candidates.probabilities)) ** self.power
        return self.clustering.chosen(candidates, n, doubts)


def _in_turn(turns: list[tuple], members: dict[int, Iterator[int]], n: int) -> Iterator[int]:
    """Take from the cluster with fewest labels, the largest of those, until n are taken.

    Args:
        turns: (its labels, whether it is small, minus its size, its number) of each cluster.
    """
    heapq.heapify(turns)
    while n:
        labels, small, size, number = heapq.heappop(turns)
        row = next(members[number], None)
        if row is not None:
            yield row
            n -= 1
            heapq.heappush(turns, (labels + 1, small, size, number))


def _distances(some: np.ndarray, others: np.ndarray, nearest: int) -> np.ndarray:
    """Give the mean distance of each of some to the nearest others, itself among them.

    Both float32 [., hidden] of length 1.

    >>> line = np.array([[1, 0], [0, 1], [0, -1]], np.float32)
    >>> _distances(line, line, 2).round(3).tolist()
    [0.707, 0.707, 0.707]
    """
    means = np.empty(len(some))
    nearest = min(nearest, len(others))
    for start in range(0, len(some), MOST_COMPARED):
        squares = 2 - 2 * some[start : start + MOST_COMPARED] @ others.T
        closest = np.partition(squares, nearest - 1, axis=1)[:, :nearest]
        means[start : start + MOST_COMPARED] = np.sqrt(np.maximum(closest, 0)).mean(1)
    return means
