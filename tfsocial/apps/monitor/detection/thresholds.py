"""Thresholds of a topic's score, by how often it may alarm when nothing happens.

Quiet weeks are drawn from the fitted model, since the topic's own are too few. Where the model
cannot explain how high the topic's own quiet scores were, these count too.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from tfsocial.apps.monitor.detection.expected import expected
from tfsocial.apps.monitor.detection.levels import Counted, model
from tfsocial.apps.monitor.detection.scan import LOWEST, scan
from tfsocial.apps.monitor.detection.settings import Settings

ROWS, DAYS = 40, 14  # that are drawn
GAP = 12  # hours after which it is another alarm
ENOUGH = 20  # alarms that a rate is read from; rarer ones are extrapolated
UNLIKELY = 0.1  # probability below which own scores are not believed to be of the model
RAREST = 1000.0  # factor by which own scores may make alarms rarer than asked for
FLOOR = -1.0  # odds of 1 to 10: below them nobody is called, however quiet a topic is
FEW = 14  # days; fewer are judged by the season that they make together


def threshold(
    negative: np.ndarray,
    total: np.ndarray,
    phase: np.ndarray,
    per_week: float,
    settings: Settings,
    first: int = 0,
    seed: int = 0,
) -> float:
    """Give the score above which a topic alarms `per_week` times a week without any surge.

    Args:
        negative, total, phase, settings, first: as in `scan.scan`, of a time that was mostly
            quiet; two days are enough to begin with.
        seed: of the weeks that are drawn.
    """
    drawn = simulated(negative, total, phase, settings, seed)
    own = own_scores(negative, total, phase, settings, first)
    return chosen(drawn, own, per_week, settings)


def chosen(drawn: np.ndarray, own: np.ndarray, per_week: float, settings: Settings) -> float:
    """Choose by drawn quiet scores [rows, bins], and by a topic's own ones [bins].

    Own ones that the model would hardly give raise the limit to the highest of them, as far as
    alarms are no rarer by it than a `RAREST`th of what was asked for: it may have been a surge.
    """
    weeks = len(own) / (7 * settings.day)
    if not weeks or own.max() <= level(drawn, UNLIKELY / weeks, settings):
        return max(FLOOR, level(drawn, per_week, settings))
    usual, rarest = (level(drawn, per_week / factor, settings) for factor in (1, RAREST))
    return max(FLOOR, float(np.clip(own.max(), usual, rarest)))


def own_scores(
    negative: np.ndarray, total: np.ndarray, phase: np.ndarray, settings: Settings, first: int
) -> np.ndarray:
    """Score a quiet time, float [bins that can be judged].

    Of a few days the season is that of all of them: it is as if they had been before, too.
    """
    days = len(negative) // settings.day
    if not days:
        return np.zeros(0)
    if days >= FEW:
        own = scan(negative, total, phase, settings, first).score
        return own[own > LOWEST]
    last = slice(-days * settings.day, None)
    again = [np.tile(values[last], 2) for values in (negative, total, phase)]
    return scan(again[0], again[1], again[2], settings, first).score[last]


def simulated(
    negative: np.ndarray, total: np.ndarray, phase: np.ndarray, settings: Settings, seed: int
) -> np.ndarray:
    """Draw quiet weeks like the last one and score them: float [ROWS, bins]."""
    past = slice(-settings.history * settings.day, None)
    counts, bins = np.stack([negative, total - negative])[:, past], DAYS * settings.day
    days = counts.shape[1] / settings.day
    week = phase[-7 * settings.day :]
    at = np.resize(week[: len(week) // settings.day * settings.day], bins)
    means = np.stack([expected(one, phase[past], at, settings) for one in counts])
    source = np.random.default_rng(seed)
    levels = _levels(source, settings, bins)
    unsure = settings.deviation / np.sqrt(days) * source.normal(size=(2, ROWS, 1))
    wide = 1 / settings.burst
    rates = means[:, None] * np.exp(levels + unsure) * source.gamma(wide, 1 / wide, levels.shape)
    seen = source.poisson(rates)
    of_negative, of_rest = (np.broadcast_to(one, seen[0].shape) for one in means)
    wider = np.full(ROWS, np.sqrt(1 + 1 / days))
    known = np.ones(of_negative.shape, bool)
    rows = Counted(seen[0], seen[1], of_negative, of_rest, known, wider)
    return model(settings).filtered(rows).odds[:, settings.burn_in :]


def _levels(source: np.random.Generator, settings: Settings, bins: int) -> np.ndarray:
    """Draw log levels of the negatives and the rest, [2, ROWS, bins], correlated by coupling."""
    found = np.zeros((bins, 2, ROWS))
    for spread, an_hour in (
        (settings.spread, settings.memory),
        (settings.slow, settings.long_memory),
    ):
        memory, coupling = an_hour ** (1 / settings.hour), settings.coupling
        shocks = source.normal(0, spread, (bins, 2, ROWS))
        shocks[:, 1] = coupling * shocks[:, 0] + np.sqrt(1 - coupling**2) * shocks[:, 1]
        shocks[1:] *= np.sqrt(1 - memory**2)
        found += signal.lfilter([1], [1, -memory], shocks, 0)
    levels: np.ndarray = found.transpose(1, 2, 0) - settings.deviation**2 / 2
    return levels


def alarms(scores: np.ndarray, limit: float, settings: Settings) -> int:
    """Count the times that scores [rows, bins] rise above a limit; one in 12 hours.

    >>> alarms(np.array([[0.0, 2.0, 2.0, 0.0]]), 1.0, Settings())
    1
    """
    rows, places = np.nonzero(scores > limit)
    at = rows * (scores.shape[1] + GAP * settings.hour + 1) + places
    return int((np.diff(at) > GAP * settings.hour).sum() + 1) if len(at) else 0


def level(scores: np.ndarray, per_week: float, settings: Settings) -> float:
    """Give the limit that quiet scores [rows, bins] pass `per_week` times a week.

    Where too few pass it, the tail is taken to be exponential.
    """
    weeks = scores.size / (7 * settings.day)
    wanted = per_week * weeks
    if wanted >= ENOUGH:
        return _limit(scores, wanted, settings)
    high, low = (_limit(scores, count, settings) for count in (ENOUGH, 4 * ENOUGH))
    return high + (high - low) / np.log(4) * np.log(ENOUGH / wanted)


def _limit(scores: np.ndarray, wanted: float, settings: Settings) -> float:
    low, high = float(np.median(scores)), float(scores.max())
    for _ in range(25):
        middle = (low + high) / 2
        if alarms(scores, middle, settings) > wanted:
            low = middle
        else:
            high = middle
    return high
