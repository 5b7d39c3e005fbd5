"""How many batches to have with a backend at once, learnt from how it answers."""

from __future__ import annotations

from collections.abc import Callable

SMOOTHING = 0.2  # of the newest answer in what is remembered
SHRINK = 0.7  # after a refusal
SLOWER = 2.0  # times the quickest: what is more is waiting, not work
FORGET = 1.001  # the quickest is believed a little less with every answer


class Concurrency:
    """A limit that grows while answers stay quick, and shrinks when they wait or are refused.

    Additive increase, multiplicative decrease, by the ratio of the usual time of an answer to the
    quickest one, as TCP Vegas tells a queue that builds up from a path that is long (Brakmo and
    Peterson, 1995). Times are those a token, since batches differ in size.

    Args:
        fixed: tells the number of a backend that knows it, each time; None: it does not.
    """

    def __init__(self, fixed: Callable[[], int | None] = lambda: None, most: int = 64):
        self._fixed, self._most = fixed, most
        self._limit = 2.0
        self._usual = self._quickest = 0.0

    @property
    def limit(self) -> int:
        """Batches at once."""
        return self._fixed() or max(1, int(self._limit))

    def answered(self, seconds: float, tokens: int, busy: int) -> None:
        """Learn from an answer.

        Args:
            busy: batches that were with the backend then; few say nothing about many.
        """
        each = seconds / max(1, tokens)
        self._usual = each if not self._usual else self._usual + SMOOTHING * (each - self._usual)
        self._quickest = min(self._quickest * FORGET or each, each)
        if self._usual > SLOWER * self._quickest:
            self._limit = max(1.0, self._limit - 1 / self._limit)
        elif busy >= self.limit:
            self._limit = min(self._most, self._limit + 1 / self._limit)

    def refused(self) -> None:
        """Learn from a refusal."""
        self._limit = max(1.0, SHRINK * self._limit)
