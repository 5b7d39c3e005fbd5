"""One gateway of a simulation: its line, its batches, and whom it refuses.

It does what `load.batcher` does, with one process and one tenant, in seconds that are only
counted; a test holds both side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tfsocial.serving.gateway.load.batcher import STALE
from tfsocial.serving.gateway.load.pace import Pace

Curve = Sequence[tuple[int, float]]  # (tokens of a batch, seconds), by tokens


@dataclass(frozen=True)
class Limits:
    """What each gateway takes, as `load` of its settings.

    Attributes:
        batch_tokens: of a batch at the most.
        queue_tokens: that wait at the most.
        seconds: that a caller waits.
    """

    batch_tokens: int = 2048
    queue_tokens: int = 65536
    seconds: float = 10.0


@dataclass
class Outcomes:
    """What became of requests; all gateways of a simulation write into one.

    Attributes:
        waits: seconds in the line, of each answered request.
        answers: seconds from arrival to answer, of each answered request.
        texts, tokens: answered.
        refused: requests that were told so at once.
        late: requests whose caller had gone before they were answered.
    """

    waits: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    texts: int = 0
    tokens: int = 0
    refused: int = 0
    late: int = 0


def seconds_by_tokens(curve: Curve, most: int) -> list[float]:
    """Tabulate a curve: the seconds of batches of 0 to `most` tokens, by straight lines.

    Beyond the last point the last line goes on; before the first one the time stays.

    >>> seconds_by_tokens([(2, 1.0), (4, 2.0)], 6)
    [1.0, 1.0, 1.0, 1.5, 2.0, 2.5, 3.0]
    """
    tokens, seconds = (np.array(values, np.float64) for values in zip(*curve, strict=True))
    at = np.arange(most + 1)
    found = np.interp(at, tokens, seconds)
    if len(tokens) > 1:
        slope = (seconds[-1] - seconds[-2]) / (tokens[-1] - tokens[-2])
        found[at > tokens[-1]] += slope * (at[at > tokens[-1]] - tokens[-1])
    return found.tolist()


class Replica:
    """A gateway with one process behind it.

    Args:
        seconds: of a batch, by its tokens; see `seconds_by_tokens`.
        outcomes: hears what becomes of requests.
        began: seconds, when it was asked for.
        ready_at: seconds, when it takes requests.
    """

    def __init__(
        self,
        seconds: Sequence[float],
        limits: Limits,
        outcomes: Outcomes,
        began: float,
        ready_at: float,
    ):
        self._seconds, self._limits, self._outcomes = seconds, limits, outcomes
        self.began, self.ready_at = began, ready_at
        self._line: deque[tuple[float, int, int]] = deque()  # (arrival, tokens, texts)
        self._batch: list[tuple[float, int, int]] = []
        self._batch_ends = self._batch_began = 0.0
        self.waiting_tokens = self.busy_tokens = 0
        self.busy_seconds = 0.0  # of all batches that ended
        self._pace = Pace(limits.batch_tokens)

    def take(self, now: float, tokens: int, texts: int) -> None:
        """Take a request into the line, or refuse it, as the gateway's batcher does."""
        self.run(now)
        waiting, limits = self.waiting_tokens, self._limits
        full = waiting + tokens > limits.queue_tokens and (waiting or tokens > limits.queue_tokens)
        ahead = self.busy_tokens + waiting + tokens
        if full or self._pace.wait(ahead) > limits.seconds:
            self._outcomes.refused += 1
            return
        self._line.append((now, tokens, texts))
        self.waiting_tokens += tokens
        if not self._batch:
            self._begin(now)

    def run(self, now: float) -> None:
        """Go on until a time: batches end, and the next ones begin."""
        while self._batch and self._batch_ends <= now:
            self._end()
            self._begin(self._batch_ends)

    def drain(self) -> float:
        """Go on until nothing waits; gives the time of the last answer."""
        self.run(float("inf"))
        return max(self.ready_at, self._batch_ends)

    def busy_until(self, now: float) -> float:
        """Give the seconds of work up to now."""
        return self.busy_seconds + (now - self._batch_began if self._batch else 0.0)

    def _begin(self, now: float) -> None:
        """Take what comes next, up to a batch's tokens; what is too late is left out."""
        batch, tokens, line = self._batch, 0, self._line
        late = now + STALE - self._limits.seconds  # who came before that
        while line:
            arrival, count, _ = line[0]
            if arrival < late:
                self._outcomes.late += 1
            elif batch and tokens + count > self._limits.batch_tokens:
                break
            else:
                batch.append(line[0])
                tokens += count
            line.popleft()
            self.waiting_tokens -= count
        if batch:
            self.busy_tokens, self._batch_began = tokens, now
            self._batch_ends = now + self._seconds[tokens]

    def _end(self) -> None:
        began, ends, found = self._batch_began, self._batch_ends, self._outcomes
        taken = ends - began
        self.busy_seconds += taken
        self._pace.learn(self.busy_tokens, taken)
        for arrival, tokens, texts in self._batch:
            if ends - arrival > self._limits.seconds:
                found.late += 1
                continue
            found.waits.append(began - arrival)
            found.answers.append(ends - arrival)
            found.texts += texts
            found.tokens += tokens
        self._batch = []
        self.busy_tokens = 0
