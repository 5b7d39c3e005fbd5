"""The line of what waits: urgent first, and within that every tenant in turn by tokens.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): what a tenant sends gets a start, the
finish of what it sent before or now, whichever is later, and the line goes by starts. A tenant who
sends a thousand texts at once waits behind its own; another's next text starts now.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class _Place(NamedTuple):
    priority: int
    start: float
    number: int


class Line(Generic[T]):
    """What waits, with its tokens.

    >>> line = Line()
    >>> for name in ("a1", "a2", "a3"):
    ...     line.put(name, "a", tokens=10)
    >>> line.put("b1", "b", tokens=10)
    >>> [line.take()[0] for _ in range(4)]
    ['a1', 'b1', 'a2', 'a3']
    """

    def __init__(self) -> None:
        self._heap: list[tuple[_Place, T, int, str]] = []
        self._numbers = itertools.count()
        self._now: dict[int, float] = {}  # priority -> start of what was taken last
        self._finish: dict[tuple[int, str], float] = {}
        self._waiting: dict[tuple[int, str], int] = {}  # tokens
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, item: T, tenant: str, tokens: int, priority: int = 1) -> None:
        """Put something at the end of its tenant's part of the line."""
        key = priority, tenant
        start = max(self._now.get(priority, 0.0), self._finish.get(key, 0.0))
        self._finish[key] = start + tokens
        self._push(_Place(priority, start, next(self._numbers)), item, tenant, tokens)

    def put_back(self, item: T, tenant: str, tokens: int, priority: int = 1) -> None:
        """Put something that was taken before at the head of its priority."""
        self._push(_Place(priority, float("-inf"), next(self._numbers)), item, tenant, tokens)

    def _push(self, place: _Place, item: T, tenant: str, tokens: int) -> None:
        heapq.heappush(self._heap, (place, item, tokens, tenant))
        key = place.priority, tenant
        self._waiting[key] = self._waiting.get(key, 0) + tokens
        self.tokens += tokens

    def first(self) -> tuple[T, int]:
        """Show what is next, and its tokens."""
        _, item, tokens, _ = self._heap[0]
        return item, tokens

    def take(self) -> tuple[T, int]:
        """Take what is next, and its tokens."""
        place, item, tokens, tenant = heapq.heappop(self._heap)
        self.tokens -= tokens
        self._waiting[place.priority, tenant] -= tokens
        self._now[place.priority] = max(self._now.get(place.priority, 0.0), place.start)
        if not self._heap:  # nobody has anything to wait for: all begin anew
            self._now.clear()
            self._finish.clear()
            self._waiting.clear()
        return item, tokens

    def others(self, tenant: str, priority: int = 1) -> int:
        """Count the tokens of other tenants that are as urgent or less."""
        return sum(
            tokens
            for (other, of), tokens in self._waiting.items()
            if other >= priority and of != tenant
        )

    def ahead(self, tenant: str, priority: int = 1) -> int:
        """Estimate the tokens that go before what this tenant puts in now.

        All that is more urgent, and its own; of each other tenant as many as its own.
        """
        own = self._waiting.get((priority, tenant), 0)
        return sum(
            tokens if other < priority or of == tenant else min(tokens, own)
            for (other, of), tokens in self._waiting.items()
            if other <= priority
        )
