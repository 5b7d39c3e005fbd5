"""Refusals at a pace that leaves time for answers.

Refusing costs time of the process that also hands out the batches. Callers who ask again as soon as
they are refused could keep it busy with nothing else, and the model idle.
"""

from __future__ import annotations

RATE = 100.0  # refusals a second of a tenant; what is more is told later
LONGEST = 1.0  # seconds that a refusal is held back
SHARE = 0.5  # of the time that a caller waits: enough is left to ask elsewhere
MOST = 1000  # tenants that are remembered


class Refusals:
    """When each tenant may be told of its next refusal."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}

    def delay(self, tenant: str, seconds: float, now: float) -> float:
        """Give the seconds that a refusal is to be held back.

        Args:
            seconds: that the caller waits.
            now: of a clock that does not go back.

        >>> refusals = Refusals()
        >>> [round(refusals.delay("acme", 10.0, 0.0), 2) for _ in range(3)]
        [0.0, 0.01, 0.02]
        >>> refusals.delay("other", 10.0, 0.0)
        0.0
        """
        at = max(now, self._next.get(tenant, now))
        longest = min(LONGEST, SHARE * seconds)
        if at - now > longest:  # a longer line would help nobody
            return longest
        if len(self._next) >= MOST:
            self._next = {name: then for name, then in self._next.items() if then > now}
        self._next[tenant] = at + 1 / RATE
        return at - now
