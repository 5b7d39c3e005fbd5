"""The hidden level of a topic, and whether its negatives surge, by a filter over a grid.

The counts of a bin are their expectation times the exponential of a level that moves slowly. All
labels share it, as far as the topic's own past says so. Negatives are multiplied while they surge,
the rest while there is a flood of it, a part of which is taken for negatives. States are
(flood, surge, level); their probabilities are carried from bin to bin (a hidden Markov model:
Rabiner, Proc. IEEE 1989; the alarm is Shiryaev's, Theory of Probability 1963). The level is an
autoregression on a grid (Rouwenhorst, in Cooley, Frontiers of Business Cycle Research, 1995).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import comb

import numpy as np

from tfsocial.apps.monitor.detection.settings import Settings

FAST, SLOW = 7, 5  # levels
HEARD = 0.25  # least weight of the rest where it leaks: floods have to show in it
BEYOND, ROOM = 4.0, 20.0  # times the largest mean, and counts: where counts are cut
SMALLEST = 1e-15  # probability
AT_ONCE = 1_000_000  # likelihoods: they should stay in the cache


@dataclass(frozen=True)
class Counted:
    """Counts of rows that are filtered side by side, and what was expected, each [rows, bins].

    Attributes:
        negative, rest: counts.
        of_negative, of_rest: their expectations.
        known: False where there is no bin; the filter waits there.
        unsure: float [rows]; factor on the level's deviations.
    """

    negative: np.ndarray
    rest: np.ndarray
    of_negative: np.ndarray
    of_rest: np.ndarray
    known: np.ndarray
    unsure: np.ndarray

    def part(self, rows: slice) -> Counted:
        """Give some of the rows."""
        return Counted(*(value[rows] for value in vars(self).values()))

    def until(self, bins: int) -> Counted:
        """Give the first bins."""
        cut = {name: values[:, :bins] for name, values in vars(self).items() if values.ndim > 1}
        return replace(self, **cut)


@dataclass(frozen=True)
class Filtered:
    """What was found of each bin from the bins up to it, float [rows, bins].

    Attributes:
        odds: log10 of the odds that the negatives surge.
        level: factor on the expectation, foreseen before the bin was seen.
        likelihood: log probability of the bin's negatives, given its rest and all before it.
    """

    odds: np.ndarray
    level: np.ndarray
    likelihood: np.ndarray


class Model:
    """The states of a topic and how they follow each other."""

    def __init__(self, settings: Settings):
        self._settings = settings
        surges, floods = (1.0, *settings.surges), (1.0, *settings.floods)
        a_bin = 1 / (settings.weeks * 7 * settings.day)
        leave = 1 / (settings.lasts * settings.hour)
        surging = switching(len(surges), a_bin, leave, 1 / settings.hour)
        flooding = switching(len(floods), a_bin, 2 * leave, 1 / settings.hour)
        self._switch = np.kron(flooding, surging).T.copy()
        fast, slow = (
            value ** (1 / settings.hour) for value in (settings.memory, settings.long_memory)
        )
        self._move = np.kron(autoregression(fast, FAST), autoregression(slow, SLOW))
        self._surge, self._flood = np.array(surges)[:, None], np.array(floods)[:, None, None]
        self._start = np.kron(binomial(FAST), binomial(SLOW))

    def filtered(self, counted: Counted) -> Filtered:
        """Filter rows, as many at once as memory should hold."""
        rows, bins = counted.negative.shape
        step = max(1, AT_ONCE // (bins * len(self._switch) * len(self._start)))
        parts = [self._filtered(counted.part(slice(i, i + step))) for i in range(0, rows, step)]
        fields = zip(*(vars(part).values() for part in parts), strict=True)
        return Filtered(*map(np.concatenate, fields))

    def factors(self, unsure: np.ndarray) -> np.ndarray:
        """Give the factors of the levels, with mean 1: float [rows, levels].

        Args:
            unsure: float [rows]; factor on the deviations.
        """
        fast, slow = (np.sqrt(size - 1) * np.linspace(-1, 1, size) for size in (FAST, SLOW))
        logs = self._settings.spread * fast[:, None] + self._settings.slow * slow
        values = np.exp(unsure[:, None] * logs.ravel())
        found: np.ndarray = values / (values @ self._start)[:, None]
        return found

    def _filtered(self, counted: Counted) -> Filtered:
        rows, bins = counted.negative.shape
        levels = self.factors(counted.unsure)
        negative, rest = self._likelihoods(counted, levels)
        now = np.zeros((rows, len(self._switch), len(self._start)))
        now[:, 0] = self._start
        found = np.zeros((4, bins, rows))
        apart = np.array([np.tile(self._surge[:, 0] > 1, len(self._flood)), np.ones(len(now[0]))])
        for place in range(bins):
            now = self._switch @ now @ self._move
            foreseen = now.sum(1)
            found[2, place] = (foreseen * levels).sum(1)
            now *= rest[place]
            found[3, place] = now.sum((1, 2))
            now *= negative[place]
            found[:2, place] = apart @ now.sum(2).T
            now /= found[1, place, :, None, None]
        surge, total, level, before = found.transpose(0, 2, 1)
        share = surge / total
        odds = np.log10(np.maximum(share, SMALLEST) / np.maximum(1 - share, SMALLEST))
        return Filtered(odds, level, np.log(total / before))

    def _likelihoods(self, counted: Counted, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give those of the negatives and the rest in each state, [bins, rows, states, levels]."""
        negative, rest, of_negative, of_rest, known = (
            np.asarray(value).T[..., None, None, None] for value in list(vars(counted).values())[:5]
        )
        levels = levels[:, None, None]
        burst, leak = self._settings.burst, self._settings.leak
        most = float(levels.max())
        # Beyond what any state explains, more says no more, and all states would be at 0.
        negative = capped(negative, of_negative * most * self._surge.max())
        rest = capped(rest, of_rest * most * self._flood.max())
        means = of_negative * levels * self._surge
        if leak:
            means = means + leak * of_rest * levels * (self._flood - 1)
        one = known * log_likelihood(negative, means, burst)
        other = log_likelihood(rest, of_rest * levels * self._flood, burst)
        other = known * max(self._settings.coupling, HEARD if leak else 0.0) * other
        shape = (*negative.shape[:2], len(self._flood), len(self._surge), len(self._start))
        both = (np.broadcast_to(np.exp(values), shape) for values in (one, other))
        first, second = (values.reshape(*shape[:2], -1, shape[-1]) for values in both)
        return first, second


def capped(counts: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Cut counts at several times the largest mean that a state has.

    >>> capped(np.array([3.0, 1000.0]), np.array([2.0, 2.0])).tolist()
    [3.0, 28.0]
    """
    return np.minimum(counts, BEYOND * most + ROOM)


@lru_cache(64)
def model(settings: Settings) -> Model:
    """Give the model of settings, made once."""
    return Model(settings)


def log_likelihood(counts: np.ndarray, means: np.ndarray, burst: float) -> np.ndarray:
    """Give the log probability of counts, less what does not depend on the mean's factor.

    Variance is mean + burst * mean ** 2: a negative binomial. Values are relative to the mean
    that fits best, so that they can be exponentiated.
    """
    best = np.maximum(counts, 1e-9)
    wide = 1 / burst
    likelier = counts * np.log(means / best)
    found: np.ndarray = likelier - (counts + wide) * np.log((wide + means) / (wide + best))
    return found


def switching(states: int, enter: float, leave: float, move: float) -> np.ndarray:
    """Give probabilities of going from one factor to another, [states, states]; 0 is none.

    >>> switching(3, 0.1, 0.2, 0.3).round(2).tolist()
    [[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.2, 0.3, 0.5]]
    """
    found = np.zeros((states, states))
    for one in range(1, states):
        found[0, one] = enter / (states - 1)
        found[one, 0] = leave
        beside = [other for other in (one - 1, one + 1) if 1 <= other < states]
        found[one, beside] = move / max(1, len(beside))
    return found + np.diag(1 - found.sum(1))


def autoregression(memory: float, size: int) -> np.ndarray:
    """Give probabilities [size, size] of going from level to level: Rouwenhorst's.

    Levels are size values at equal distances up to sqrt(size - 1) standard deviations; mean,
    variance and correlation of the autoregression are exact.

    >>> autoregression(0.8, 2).round(2).tolist()
    [[0.9, 0.1], [0.1, 0.9]]
    """
    stay = (1 + memory) / 2
    found = np.ones((1, 1))
    for width in range(2, size + 1):
        wider = np.zeros((4, width, width))
        wider[0, :-1, :-1] = wider[3, 1:, 1:] = stay * found
        wider[1, :-1, 1:] = wider[2, 1:, :-1] = (1 - stay) * found
        found = wider.sum(0)
        found[1:-1] /= 2
    return found


def binomial(size: int) -> np.ndarray:
    """Give how often `autoregression` is at each of its levels, float [size].

    >>> binomial(3).tolist()
    [0.25, 0.5, 0.25]
    """
    return np.array([comb(size - 1, place) for place in range(size)]) / 2 ** (size - 1)
