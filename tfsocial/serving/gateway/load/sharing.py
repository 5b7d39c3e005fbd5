"""Short batches while somebody with little to ask comes among those who have much.

A text waits for the batch that runs, and then for its own. Large batches make more answers, and
whoever has many texts in the line gains by them; who has one now and then only waits for the texts
of others, whatever the order of the line.
"""

from __future__ import annotations

import math

PART = 16  # of a batch's tokens one part is a short batch
FOR = 1.0  # seconds after somebody came
MODEST = 2  # short batches' tokens a second: who asks for no more has little to ask
MOST = 1000  # tenants that are remembered


class Sharing:
    """How many tokens a batch may have.

    Args:
        batch_tokens: at the most.
    """

    def __init__(self, batch_tokens: int):
        self._full, self.short = batch_tokens, max(1, batch_tokens // PART)
        self._until = -math.inf
        self._asked: dict[str, tuple[float, float]] = {}  # tenant -> tokens of late, and when

    def came(self, tenant: str, tokens: int, others: int, now: float) -> None:
        """Take note of a call.

        Args:
            others: tokens of other tenants that wait or are computed.
            now: of a clock that does not go back.

        >>> sharing = Sharing(batch_tokens=1600)
        >>> sharing.came("busy", 5000, others=0, now=0.0)
        >>> sharing.came("modest", 10, others=5000, now=5.0)
        >>> [sharing.most(now) for now in (4.9, 5.9, 6.0)]
        [100, 100, 1600]
        """
        lately = self._lately(tenant, now)
        if others > self.short and lately <= MODEST * self.short:
            self._until = now + FOR
        if len(self._asked) >= MOST:
            self._asked = {name: one for name, one in self._asked.items() if now - one[1] < FOR}
        self._asked[tenant] = lately + tokens, now

    def most(self, now: float) -> int:
        """Give the tokens that a batch may have now."""
        return self.short if now < self._until else self._full

    def _lately(self, tenant: str, now: float) -> float:
        """Give what a tenant asked for in about the last second."""
        tokens, when = self._asked.get(tenant, (0.0, now))
        return tokens * math.exp(when - now)
