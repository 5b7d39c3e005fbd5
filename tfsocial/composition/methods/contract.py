"""What a method of adding weights is: a frozen dataclass, its fields are its knobs; numpy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple

import numpy as np

Statistic = Literal["fisher", "gram"]


class Tensors(NamedTuple):
    """One weight of M0 and of n runs.

    Attributes:
        name: as the community calls it.
        base: M0's, float32.
        runs: the runs', of M0's shape.
        weights: of each run.
        statistics: of each run, what the method needs to know of the weight, or None where a run
            has none for it.
    """

    name: str
    base: np.ndarray
    runs: Sequence[np.ndarray]
    weights: Sequence[float]
    statistics: Sequence[np.ndarray | None] = ()

    def deltas(self) -> Iterator[np.ndarray]:
        """Give theta_i - theta0 of one run after the other, arrays of their own."""
        return (run - self.base for run in self.runs)


class Method:
    """A way to make one weight of several.

    Attributes:
        least, most: how many runs it takes.
        negative: whether a run's weight may be below 0, to take away what the run learned.
        needs: what has to be measured of each run on its data.
    """

    least: ClassVar[int] = 1
    most: ClassVar[int | None] = None
    negative: ClassVar[bool] = False
    needs: ClassVar[Statistic | None] = None

    def merge(self, tensors: Tensors) -> np.ndarray:
        """Compute the weight, float32 of M0's shape."""
        raise NotImplementedError


def apply(
    method: Method,
    base: Mapping[str, np.ndarray],
    runs: Sequence[Mapping[str, np.ndarray]],
    weights: Sequence[float],
    statistics: Sequence[Mapping[str, np.ndarray]] = (),
) -> Iterator[tuple[str, np.ndarray]]:
    """Merge name after name, in M0's order: no more than one weight of each is held at a time.

    >>> from tfsocial.composition.methods.linear import Linear
    >>> base, run = {"w": np.float32([0.0])}, {"w": np.float32([4.0])}
    >>> dict(apply(Linear(), base, [run, base], [3, 1]))
    {'w': array([3.], dtype=float32)}
    """
    for name in base:
        found = [statistic.get(name) for statistic in statistics]
        yield (
            name,
            method.merge(Tensors(name, base[name], [run[name] for run in runs], weights, found)),
        )


def weighted_mean(arrays: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Compute sum_i w_i a_i / sum_i w_i, float32; of a single array itself, bit for bit."""
    if len(arrays) == 1:
        return arrays[0].astype(np.float32)
    total = sum(weights)
    mean = np.zeros(arrays[0].shape, np.float32)
    for array, weight in zip(arrays, weights, strict=True):
        mean += np.float32(weight / total) * array
    return mean
