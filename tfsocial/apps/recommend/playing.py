"""The demo's shop: its items, and what its customers bought, moved to the last year."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from pathlib import Path

from tfsocial.apps.events import Event
from tfsocial.apps.recommend import reading
from tfsocial.apps.recommend.items import Item

WEEK = 7 * 86_400


def items(folder: Path, now: float | None = None) -> list[Item]:
    """Give the items, with the days from when on they are sold moved as their purchases are."""
    later = _later(folder, now)
    found = reading.read_items(folder / "items.csv")
    return [replace(item, since=(item.since or 0.0) + later) for item in found]


def deeds(folder: Path, now: float | None = None) -> list[Event]:
    """Give the purchases, moved by whole weeks so that the last one is of the last seven days."""
    later = _later(folder, now)
    return [replace(one, happened=one.happened + later) for one in _deeds(folder)]


@functools.lru_cache(1)
def _deeds(folder: Path) -> list[Event]:
    """Read them once: when the last one was is asked for each of the two."""
    return reading.read_deeds(folder / "deeds.csv.gz")


def _later(folder: Path, now: float | None) -> float:
    last = max(one.happened for one in _deeds(folder))
    return ((now or time.time()) - last) // WEEK * WEEK
