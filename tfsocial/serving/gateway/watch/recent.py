"""What the last minutes were like, for people; Prometheus keeps the rest."""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfsocial.serving.gateway.guard import Seen

MINUTES = 5
MOST = 20_000  # requests; of more the newest


@dataclass(frozen=True)
class Traffic:
    """Requests of a model in the last minutes.

    Attributes:
        rate: requests a second.
        texts: texts a second.
        p50, p99: seconds, of those answered; None: there was none.
        refused: share refused for load or quota (429, 503, 504).
        failed: share that ended in another 5xx.
    """

    rate: float
    texts: float
    p50: float | None
    p99: float | None
    refused: float
    failed: float


class _Request(NamedTuple):
    """What is kept of one: a fifth of the bytes of all that was seen of it."""

    at: float
    model: str
    status: int
    texts: int
    seconds: float


class Recent:
    """The requests of the last minutes that asked a model something."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._seen: deque[_Request] = deque(maxlen=MOST)

    def seen(self, request: Seen) -> None:
        """Take a request in."""
        if request.verb:
            model, status = sys.intern(request.model), request.status
            one = _Request(time.monotonic(), model, status, request.texts, request.seconds)
            self._seen.append(one)

    def traffic(self, model: str) -> Traffic:
        """Summarize the requests of a model; those refused before a model was known are all's."""
        now = time.monotonic()
        since = now - min(60 * MINUTES, now - self._began)
        if len(self._seen) == MOST:
            since = max(since, self._seen[0].at)
        found = [one for one in self._seen if one.at >= since and one.model in (model, "")]
        answered = [one for one in found if one.status == 200]
        seconds = max(1.0, now - since)
        times = np.array([one.seconds for one in answered])
        refused = sum(one.status in (429, 503, 504) for one in found)
        failed = sum(one.status >= 500 and one.status not in (503, 504) for one in found)
        return Traffic(
            len(found) / seconds,
            sum(one.texts for one in answered) / seconds,
            float(np.quantile(times, 0.5)) if len(times) else None,
            float(np.quantile(times, 0.99)) if len(times) else None,
            refused / max(1, len(found)),
            failed / max(1, len(found)),
        )
