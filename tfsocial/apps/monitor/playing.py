"""The demo's stream: headlines at drawn times of the last three weeks, with two surges in them.

The headlines are real, their times are not: SEntFiN has none. Each is told again after a week or
more. Two hours ago negative ones on one topic began to come five times as often, and ten days ago
for some hours on another one.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Engine

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.monitor.opinions import STREAM
from tfsocial.apps.monitor.records import DAY
from tfsocial.apps.monitor.topics import ByWords, read_words

DAYS = 21
A_DAY = 130.0  # headlines
SOURCES = ("market desk", "wire", "newspaper")
HOUR = 3600.0
# How much of a day's news comes in each hour, UTC.
BY_HOUR = np.array([1, 1, 1, 2, 5, 7, 8, 7, 6, 6, 6, 5, 5, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1], float)
AGAIN = 7.5 * DAY  # seconds before a headline is told again
SEED = 7


@dataclass(frozen=True)
class Surge:
    """Negative headlines on a topic that come more often for some time.

    Attributes:
        ago: seconds before now that it begins.
        lasts: seconds.
        count: headlines more than usual.
    """

    topic: str
    ago: float
    lasts: float
    count: int


SURGES = (Surge("banks", 2 * HOUR, 2 * HOUR, 26), Surge("metals", 10.2 * DAY, 5 * HOUR, 30))


def fill(engine: Engine, path: Path, now: float | None = None) -> int:
    """Put the demo's headlines into an empty log; gives how many; 0 where texts are there already.

    Args:
        path: .csv with text and label.
        now: seconds since 1970; None: the clock's.
    """
    log = EventLog(engine)
    return 0 if log.latest(STREAM, 1) else log.add(headlines(path, now))


def headlines(path: Path, now: float | None = None) -> list[Event]:
    """Give the headlines at the times that are drawn for them, in order; see `fill`."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    topics = ByWords(read_words(path.parent / "topics.csv"))
    told = {text: topics({"text": text}, ()) for text, _ in rows}
    return sorted(_events(rows, told, now or time.time()), key=lambda one: one.happened)


def _events(
    rows: Sequence[tuple[str, str]], told: dict[str, Sequence[str]], now: float
) -> Iterator[Event]:
    draw = np.random.default_rng(SEED)
    last: dict[str, list[float]] = {}
    bad = {
        one.topic: [text for text, label in rows if label == "negative" and one.topic in told[text]]
        for one in SURGES
    }
    for one in SURGES:
        begin = now - one.ago
        for text in draw.permutation(bad[one.topic])[: one.count]:
            last[str(text)] = [begin]
            yield _event(str(text), begin + draw.uniform(0, one.lasts), draw)
    texts = draw.permutation([text for text, _ in rows])
    place = 0
    for at in _times(draw, now):
        for _ in range(len(texts)):
            text = str(texts[place % len(texts)])
            place += 1
            if all(abs(at - before) > AGAIN for before in last.setdefault(text, [])):
                last[text].append(at)
                yield _event(text, at, draw)
                break


def _times(draw: np.random.Generator, now: float) -> Iterator[float]:
    shares = BY_HOUR / BY_HOUR.sum()
    first = now - DAYS * DAY
    for hour in range(DAYS * 24):
        begin = first + hour * HOUR
        mean = A_DAY * shares[int(begin // HOUR) % 24]
        yield from np.sort(begin + draw.uniform(0, HOUR, draw.poisson(mean)))


def _event(text: str, at: float, draw: np.random.Generator) -> Event:
    source = SOURCES[int(draw.integers(len(SOURCES)))]
    key = hashlib.sha256(f"{at} {text}".encode()).hexdigest()
    return Event(STREAM, key, float(at), {"text": text, "source": source})
