"""When requests arrive, and how large they are: recorded by a gateway, or made up from a seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from tfsocial.errors import InputError

DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class Arrivals:
    """Requests in the order in which they arrive.

    Attributes:
        times: float64 [n], seconds from the beginning.
        tokens: int64 [n], of all texts of a request.
        texts: int64 [n].
        seconds: how long the trace is; the last request may be earlier.
    """

    times: np.ndarray
    tokens: np.ndarray
    texts: np.ndarray
    seconds: float


@dataclass(frozen=True)
class Shape:
    """What a bursty day looks like.

    Attributes:
        rate: mean requests a second without bursts.
        swing: of the rate over a day: at its height 1 + swing times the mean.
        bursts: a day.
        length: mean seconds of a burst.
        height: what a burst adds to the rate, as a multiple of it: exponential, of this mean.
        texts: mean of a request.
        most_texts: of a request.
    """

    rate: float
    swing: float = 0.7
    bursts: float = 24.0
    length: float = 240.0
    height: float = 2.0
    texts: float = 12.0
    most_texts: int = 64


def bursty(seed: int, seconds: float, shape: Shape, lengths: Sequence[int]) -> Arrivals:
    """Make a trace: a daily curve, bursts that come at random, and Poisson arrivals within.

    Args:
        seed: of the random numbers; the same seed gives the same trace.
        lengths: tokens of texts, of which each request draws one for all its texts.

    Returns:
        a trace of about `shape.rate * seconds` requests, and those of the bursts.

    >>> made = bursty(0, 3600, Shape(rate=2.0), [8, 16])
    >>> len(made.times) == len(made.tokens), bool(made.times[-1] < 3600)
    (True, True)
    """
    random = np.random.default_rng(seed)
    rates = rate_of_each_second(random, seconds, shape)
    counts = random.poisson(rates)
    times = np.repeat(np.arange(len(rates), dtype=np.float64), counts)
    times = np.sort(times + random.random(len(times)))
    times = times[times < seconds]
    texts = np.minimum(random.geometric(1 / shape.texts, len(times)), shape.most_texts)
    tokens = texts * random.choice(np.asarray(lengths, np.int64), len(times))
    return Arrivals(times, tokens, texts, seconds)


def rate_of_each_second(random: np.random.Generator, seconds: float, shape: Shape) -> np.ndarray:
    """Draw how many requests are expected in each second, float64 [ceil(seconds)]."""
    at = np.arange(int(np.ceil(seconds)))
    # A day begins at midnight, at its lowest.
    usual = shape.rate * (1 - shape.swing * np.cos(2 * np.pi * at / DAY))
    times = np.ones(len(at))
    for _ in range(random.poisson(shape.bursts * seconds / DAY)):
        begin = random.uniform(0, seconds)
        within = (at >= begin) & (at < begin + random.exponential(shape.length))
        times[within] += random.exponential(shape.height)
    return usual * times


def recorded(lines: Iterable[str]) -> Arrivals:
    """Read a trace from a gateway's log, one JSON object a line.

    Only answered requests have tokens there: what was refused is not in the trace.

    Args:
        lines: of the log; those that tell of no answered request are left out.

    Raises:
        InputError: there is no answered request.
    """
    rows = sorted(row for line in lines if (row := _row(line)))
    if not rows:
        raise InputError("the log has no answered request; record one with `tfsocial serve`")
    times = np.array([row[0] for row in rows])
    times -= times[0]
    tokens, texts = (np.array([row[place] for row in rows], np.int64) for place in (1, 2))
    return Arrivals(times, tokens, texts, float(times[-1]))


def _row(line: str) -> tuple[float, int, int] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    if not isinstance(values, dict) or not values.get("tokens"):
        return None
    ended = datetime.fromisoformat(values["timestamp"]).timestamp()
    return ended - values["seconds"], values["tokens"], values["texts"]
