"""What the detector assumes of a topic; `fitting.fit` estimates part of it from quiet counts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How the counts of a topic behave.

    Until there is enough to fit, coupling, spread, memory, slow and burst are about those of five
    airlines in four quiet days, where hours of negatives and of the rest correlate by .18.

    Attributes:
        hour: bins of an hour.
        history: days that the season is made from; least: days without which nothing is scored.
        half_life: days after which a day counts half in the trend.
        spread: standard deviation of what moves the level's logarithm for hours.
        memory: its correlation with itself an hour later.
        slow: standard deviation of what moves the level's logarithm for days.
        long_memory: its correlation with itself an hour later.
        coupling: 0 to 1; how much the counts that are not negative say about the level of those
            that are.
        burst: dispersion of a bin at a known level: variance = mean + burst * mean ** 2.
        leak: texts wrongly counted as negative for each text counted as something else.
        surges: factors of the negatives that count as a surge.
        floods: factors of the rest that a harmless flood has.
        weeks: between surges, and between floods.
        lasts: hours of a surge.
        windows: hours of the windows that a surge is reported by.
        band: probability that a bin of a quiet time is inside its band.
    """

    hour: int = 6
    history: int = 28
    least: int = 2
    half_life: float = 10.0
    spread: float = 0.25
    memory: float = 0.5
    slow: float = 0.1
    long_memory: float = 0.97
    coupling: float = 0.2
    burst: float = 0.1
    leak: float = 0.0
    surges: tuple[float, ...] = (1.6, 2.4, 3.6, 6.0)
    floods: tuple[float, ...] = (3.0, 9.0)
    weeks: float = 2.0
    lasts: float = 6.0
    windows: tuple[float, ...] = (0.5, 1, 2, 4, 8)
    band: float = 0.95

    @property
    def day(self) -> int:
        """Bins of a day."""
        return 24 * self.hour

    @property
    def deviation(self) -> float:
        """Standard deviation of the level's logarithm around season and trend."""
        return float((self.spread**2 + self.slow**2) ** 0.5)

    @property
    def block(self) -> int:
        """Bins that are scored by the same season: half a day."""
        return 12 * self.hour

    @property
    def burn_in(self) -> int:
        """Bins before a block that its level is found from: a day."""
        return 24 * self.hour
