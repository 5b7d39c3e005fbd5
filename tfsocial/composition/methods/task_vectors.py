"""Sums of what the runs changed, theta_i - theta0: whole, trimmed, or with much of it dropped."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from tfsocial.composition.methods.contract import Method, Tensors

ROWS = 4096  # of a weight that TIES looks at together
Density = Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True)
class TaskArithmetic(Method):
    """theta0 + sum_i w_i (theta_i - theta0), the literal theta1 + theta2.

    Ilharco et al. (2022), Editing Models with Task Arithmetic, arXiv:2212.04089. A weight below 0
    takes away what a run learned.
    """

    negative = True

    def merge(self, tensors: Tensors) -> np.ndarray:
        return _added(tensors, tensors.deltas())


@dataclass(frozen=True)
class DARE(Method):
    """theta0 + sum_i w_i d_i / density, d_i = theta_i - theta0 where a coin falls so, else 0.

    Yu et al. (2023), Language Models are Super Mario, arXiv:2311.03099, equation 1: each number
    stays with the probability `density` and is divided by it, so that the expected sum is that of
    task arithmetic. Coins fall by `seed`, the weight's name and the run's place.
    """

    density: Density = 0.5
    seed: int = 0

    negative = True

    def merge(self, tensors: Tensors) -> np.ndarray:
        return _added(tensors, self._dropped(tensors))

    def _dropped(self, tensors: Tensors) -> Iterator[np.ndarray]:
        for place, delta in enumerate(tensors.deltas()):
            delta *= self.mask(tensors.name, place, delta.shape)
            delta /= np.float32(self.density)
            yield delta

    def mask(self, name: str, place: int, shape: tuple[int, ...]) -> np.ndarray:
        """Say which numbers of a weight of the run at a place stay, bool of its shape."""
        random = np.random.default_rng([self.seed, zlib.crc32(name.encode()), place])
        return random.random(shape, np.float32) < self.density


@dataclass(frozen=True)
class TIES(Method):
    """theta0 + scale * m, m the mean of the runs' changes that have the sign most of them have.

    Of theta_i - theta0 the largest share `density` stays, weight by weight; the sign of each
    number's sum is elected; the mean is that of the numbers with this sign. Yadav et al. (2023),
    TIES-Merging, arXiv:2306.01708, algorithm 1; there runs count alike. Weights count here in the
    election and in the mean, as in mergekit; PEFT elects without them and divides by the count.
    """

    density: Density = 0.2
    scale: Annotated[float, Field(gt=0.0)] = 1.0

    least = 2

    def merge(self, tensors: Tensors) -> np.ndarray:
        smallest = [smallest_kept(delta, self.density) for delta in tensors.deltas()]
        merged = np.empty(tensors.base.shape, np.float32)
        # By rows: all that is trimmed at once would be a copy of every run.
        for start in range(0, len(merged), ROWS):
            rows = slice(start, start + ROWS)
            some = tensors._replace(
                base=tensors.base[rows], runs=[run[rows] for run in tensors.runs]
            )
            merged[rows] = self._merge_rows(some, smallest)
        return merged

    def _merge_rows(self, tensors: Tensors, smallest: Sequence[np.float32]) -> np.ndarray:
        trimmed = list(tensors.deltas())
        elected = np.zeros(tensors.base.shape, np.float32)
        for delta, least, weight in zip(trimmed, smallest, tensors.weights, strict=True):
            delta[np.abs(delta) < least] = 0
            elected += np.float32(weight) * delta
        positive = elected >= 0
        total, count = np.zeros_like(elected), np.zeros_like(elected)
        for delta, weight in zip(trimmed, tensors.weights, strict=True):
            delta[(delta > 0) != positive] = 0
            total += np.float32(weight) * delta
            count += np.float32(weight) * (delta != 0)
        count[count == 0] = 1
        return tensors.base + np.float32(self.scale) * (total / count)


def smallest_kept(delta: np.ndarray, density: float) -> np.float32:
    """Find the size from which on numbers stay: int(density * n) of them do, or one.

    >>> float(smallest_kept(np.float32([3.0, -5.0, 1.0, 2.0]), 0.5))
    3.0
    """
    size = np.abs(delta).ravel()
    stay = max(int(density * size.size), 1)
    size.partition(size.size - stay)
    return size[size.size - stay]


def _added(tensors: Tensors, deltas: Iterator[np.ndarray]) -> np.ndarray:
    total = tensors.base.astype(np.float32)
    for delta, weight in zip(deltas, tensors.weights, strict=True):
        delta *= np.float32(weight)
        total += delta
    return total
