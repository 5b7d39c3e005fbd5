"""The ten tickers of NAB, scored as NAB does with its standard profile.

A window counts by its earliest alarm, a sigmoid of where in the window that is; each alarm outside
costs .11, less right behind a window; a window without one costs 1. The sum is scaled to 0 for no
alarm and 100 for the best (Lavin & Ahmad, arXiv:1510.03336). The first 750 rows do not count.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial.apps.monitor.detection.heights import heights, rising
from tfsocial.apps.monitor.detection.settings import Settings

PROBATION, FALSE = 750, 0.11
PUBLISHED = {"ARTime": 81.8, "contextOSE": 74.5, "numenta": 68.0}  # what the scorer must give
MINUTES, HOUR = 5, 12
GAP = 12 * HOUR  # rows after which it is another alarm
LIMITS = np.arange(-0.3, 2.0, 0.05)
MOST = 0.2  # false alarms of a series in a week
Alarms = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Series:
    """A ticker.

    Attributes:
        counts: int [rows]; windows: first and last row of each.
    """

    counts: np.ndarray
    times: np.ndarray
    windows: Sequence[tuple[int, int]]

    def row(self, time: str) -> int:
        """Give the first row that is not before a time."""
        return int(np.searchsorted(self.times, np.datetime64(datetime.fromisoformat(time))))


def rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path) -> dict[str, Series]:
    found = {}
    for name, windows in sorted(json.loads((folder / "windows.json").read_text("utf-8")).items()):
        lines = rows(folder / f"{name}.csv")
        times = np.array([np.datetime64(line["timestamp"]) for line in lines], "datetime64[us]")
        counts = np.array([int(float(line["value"])) for line in lines])
        bare = Series(counts, times, ())
        # Ends of windows are times of rows.
        pairs = [(bare.row(begin), bare.row(end)) for begin, end in windows]
        found[name] = Series(counts, times, pairs)
    return found


def sigmoid(place: float) -> float:
    """Give the worth of an alarm: place -1 is a window's first row, 0 its end; later it is less.

    >>> round(sigmoid(-1.0), 4), sigmoid(0.0), sigmoid(3.5)
    (0.9866, 0.0, -1.0)
    """
    return -1.0 if place > 3 else 2 / (1 + float(np.exp(5 * place))) - 1


def worth(series: Series, alarms: Sequence[int]) -> tuple[float, int, int]:
    """Give a series' sum, how many windows have an alarm, and how many alarms are false.

    False ones within 12 hours are one, though each of them costs.
    """
    counted = [row for row in sorted(alarms) if row >= PROBATION]
    total, found, outside = 0.0, 0, set(counted)
    for begin, end in series.windows:
        inside = [row for row in counted if begin <= row <= end]
        outside -= set(inside)
        found += bool(inside)
        width = end - begin + 1
        total += sigmoid(-(end - inside[0] + 1) / width) / sigmoid(-1.0) if inside else -1
    false = sorted(outside)
    total += FALSE * sum(after(series.windows, row) for row in false)
    return total, found, int((np.diff(false) > GAP).sum()) + bool(false)


def after(windows: Sequence[tuple[int, int]], row: int) -> float:
    """Give the worth of a false alarm, which is less bad right behind a window."""
    before = [(begin, end) for begin, end in windows if end < row]
    if not before:
        return -1.0
    begin, end = before[-1]
    return sigmoid((row - end) / max(1, end - begin))


def score(tickers: Mapping[str, Series], alarms: Alarms) -> tuple[float, int, float]:
    """Give the score of some tickers, windows found, and false alarms of a series in a week."""
    worths = [worth(series, alarms.get(name, ())) for name, series in tickers.items()]
    windows = sum(len(series.windows) for series in tickers.values())
    spans = sum(len(series.counts) - PROBATION for series in tickers.values())
    totals, found, false = zip(*worths, strict=True)
    scaled = 100 * (sum(totals) + windows) / (2 * windows)
    return scaled, sum(found), sum(false) / (spans / (7 * 24 * HOUR))


def published(folder: Path, tickers: Mapping[str, Series]) -> dict[str, Any]:
    """Score what others have found."""
    alarms: dict[str, dict[str, list[int]]] = {}
    for line in rows(folder / "published_alarms.csv"):
        own = alarms.setdefault(line["detector"], {}).setdefault(line["ticker"], [])
        own.append(tickers[line["ticker"]].row(line["timestamp"]))
    found = {name: score(tickers, own) for name, own in alarms.items()}
    for name, value in PUBLISHED.items():
        if abs(found[name][0] - value) > 0.06:
            raise ValueError(f"{name} scores {found[name][0]:.2f} where {value} is published")
    return {name: told(values) for name, values in found.items()}


def told(values: tuple[float, int, float]) -> dict[str, Any]:
    scaled, found, false = values
    return {"score": round(scaled, 1), "windows": found, "false alarms": round(false, 2)}


def best(tickers: Mapping[str, Series], scores: Mapping[str, np.ndarray]) -> float:
    """Choose the limit whose alarms score best with few enough false ones."""
    of_limits = [(score(tickers, raised(tickers, scores, one)), one) for one in LIMITS]
    allowed = [(found[0], one) for found, one in of_limits if found[2] <= MOST]
    return float(max(allowed)[1]) if allowed else float(LIMITS[-1])


def raised(
    tickers: Mapping[str, Series], scores: Mapping[str, np.ndarray], limit: float
) -> dict[str, list[int]]:
    return {name: rising(scores[name], limit, GAP) for name in tickers}


def swapped(
    tickers: Mapping[str, Series], scored: Callable[[np.ndarray], np.ndarray]
) -> dict[str, Any]:
    """Choose a limit on five tickers for the other five, and the other way round."""
    scores = {name: scored(series.counts) for name, series in tickers.items()}
    names = list(tickers)
    halves = [{name: tickers[name] for name in names[begin::2]} for begin in (0, 1)]
    limits = [best(half, scores) for half in halves]
    alarms = raised(halves[0], scores, limits[1]) | raised(halves[1], scores, limits[0])
    return told(score(tickers, alarms)) | {"limits": [round(one, 2) for one in limits]}


def measured(folder: Path) -> dict[str, Any]:
    tickers = read(folder)
    ours = swapped(tickers, lambda counts: heights(counts, Settings(hour=HOUR)))
    return {"ours": ours, "published": published(folder, tickers)}
