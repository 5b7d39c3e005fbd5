"""The hours of the day that the season goes by."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from tfsocial.apps.monitor.records import WIDTH


def phases(start: int, bins: int, zone: str) -> np.ndarray:
    """Give the hour of the day of each bin, int [bins], in a zone with its summer time.

    >>> phases(0, 7, "Europe/Berlin")
    array([1, 1, 1, 1, 1, 1, 2])
    """
    place = ZoneInfo(zone)
    hours = (datetime.fromtimestamp(start + i * WIDTH, place).hour for i in range(bins))
    return np.fromiter(hours, np.int64, bins)
