"""From many callers' texts to batches, and each answer back to who asked.

A batch is whatever waits when the backend is free, up to so many tokens: who is alone waits for
nobody, under much load batches are large. Inside a SavedModel texts of several callers share rows;
packing keeps them apart, and so does the order here.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tfsocial.serving.gateway import outputs
from tfsocial.serving.gateway.backends.contract import (
    Backend,
    BackendFull,
    BackendGone,
    BackendRefused,
)
from tfsocial.serving.gateway.load.company import Company
from tfsocial.serving.gateway.load.concurrency import Concurrency
from tfsocial.serving.gateway.load.lines import Line
from tfsocial.serving.gateway.load.pace import Pace
from tfsocial.serving.gateway.load.sharing import Sharing
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.predictor import Predictions

ATTEMPTS = 4  # for a batch whose backend ends or sheds load
PAUSE = 0.05  # seconds before a batch is asked again, doubled each time
STALE = 0.01  # seconds: who has less left is not computed any more


@dataclass(frozen=True)
class Limits:
    """How much may wait.

    Attributes:
        batch_tokens: of a batch at the most.
        queue_tokens: that wait at the most.
    """

    batch_tokens: int = 2048
    queue_tokens: int = 65536


@dataclass(eq=False)
class _Waiting:
    """Texts of one call, or a part of them."""

    texts: Sequence[tuple[str, ...]]
    tokens: int
    tenant: str
    priority: int
    deadline: float  # of time.monotonic
    answer: asyncio.Future[Predictions]
    began: float
    attempts: int = 0


@dataclass
class Told:
    """What is told of the load; functions that measure replace them.

    Attributes:
        batch: hears a batch's texts, tokens and seconds.
        waited: hears how long a part waited, seconds.
    """

    batch: Callable[[int, int, float], None] = field(default=lambda texts, tokens, seconds: None)
    waited: Callable[[float], None] = field(default=lambda seconds: None)


class Batcher:
    """What waits for one backend.

    Args:
        pace: tokens a second of a full batch; 0: not known yet.
    """

    def __init__(
        self, backend: Backend, limits: Limits, told: Told | None = None, pace: float = 0.0
    ):
        self._backend, self._limits, self._told = backend, limits, told or Told()
        self._line: Line[_Waiting] = Line()
        self._concurrency = Concurrency(lambda: backend.slots)
        self._running: set[asyncio.Task] = set()
        self._busy: Counter[str] = Counter()  # tenant -> tokens with the backend
        self._sharing = Sharing(limits.batch_tokens)
        self._pace = Pace(limits.batch_tokens, pace)
        self._company = Company(self._dispatch)
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting_tokens(self) -> int:
        """Tokens that wait."""
        return self._line.tokens

    @property
    def busy_tokens(self) -> int:
        """Tokens that are with the backend."""
        return self._busy.total()

    @property
    def at_once(self) -> int:
        """Batches that the backend may have at once."""
        return self._concurrency.limit

    async def __call__(
        self,
        texts: Sequence[tuple[str, ...]],
        tokens: Sequence[int],
        tenant: str,
        seconds: float,
        priority: int = 1,
    ) -> Predictions:
        """Have n texts answered.

        Args:
            tokens: of each text.
            seconds: until which an answer is of use.

        Raises:
            Problem: overloaded, deadline, or backend.
        """
        try:
            self._admit(sum(tokens), tenant, seconds, priority)
        except Problem:
            self._company.refused()
            raise
        deadline = time.monotonic() + seconds
        loop = asyncio.get_running_loop()
        parts = [
            _Waiting(
                texts[start:end],
                sum(tokens[start:end]),
                tenant,
                priority,
                deadline,
                loop.create_future(),
                time.monotonic(),
            )
            for start, end in cuts(tokens, self._sharing.short, self._backend.most_texts)
        ]
        others = self._line.others(tenant, priority) + self.busy_tokens - self._busy[tenant]
        self._sharing.came(tenant, sum(tokens), others, time.monotonic())
        for part in parts:
            self._line.put(part, tenant, part.tokens, priority)
        self._empty.clear()
        self._company.came()
        self._dispatch()
        try:
            async with asyncio.timeout_at(loop.time() + seconds):
                return outputs.joined([await part.answer for part in parts])
        except TimeoutError:
            raise Problem("deadline", f"no answer within {seconds:g} s; send fewer texts") from None
        finally:
            for part in parts:
                if part.answer.done() and not part.answer.cancelled():
                    part.answer.exception()  # has been seen, or nobody waits any more
                part.answer.cancel()

    def resized(self) -> None:
        """Send what waits to a backend that has more room than before."""
        self._dispatch()

    async def drained(self) -> None:
        """Wait until nothing waits and nothing runs."""
        await self._empty.wait()

    # --- inside ----------------------------------------------------------------------------

    def _admit(self, tokens: int, tenant: str, seconds: float, priority: int) -> None:
        """Refuse what does not fit into the line, or cannot be done in time.

        Raises:
            Problem: overloaded.
        """
        ahead = self.busy_tokens + self._line.ahead(tenant, priority)
        wait = self._pace.wait(ahead + tokens, self._concurrency.limit)
        if self._line.tokens + tokens > self._limits.queue_tokens and self._line.tokens:
            raise Problem("overloaded", "too much waits already; try again", max(wait, 1.0))
        if tokens > self._limits.queue_tokens:
            most = self._limits.queue_tokens
            raise Problem("too_large", f"about {tokens} tokens at once, above {most}; send fewer")
        if wait > seconds:
            detail = f"an answer would take about {wait:.1f} s, and {seconds:g} s are allowed"
            raise Problem("overloaded", detail, wait - seconds)

    def _dispatch(self) -> None:
        """Send batches while the backend has room, unless others are about to join the next one."""
        full = self._line.tokens >= self._sharing.most(time.monotonic())
        if not full and self._company.awaited(len(self._line)):
            return
        self._company.stop()
        while len(self._running) < self._concurrency.limit and (batch := self._batch()):
            for part in batch:
                self._busy[part.tenant] += part.tokens
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if not self._running and not len(self._line):
            self._empty.set()

    def _ended(self, task: asyncio.Task) -> None:
        self._running.discard(task)
        self._dispatch()

    def _batch(self) -> list[_Waiting]:
        """Take what comes next, up to a batch's tokens; what nobody waits for is left out."""
        batch: list[_Waiting] = []
        now = time.monotonic()
        room = _Room(self._sharing.most(now), self._backend.most_texts or math.inf)
        soon = now + STALE
        while len(self._line):
            part, count = self._line.first()
            wanted = not part.answer.done() and part.deadline > soon
            if wanted and batch and not room.has(count, len(part.texts)):
                break
            self._line.take()
            if wanted:
                batch.append(part)
                self._told.waited(time.monotonic() - part.began)
                room.take(count, len(part.texts))
            elif not part.answer.done():
                part.answer.set_exception(TimeoutError())
        return batch

    async def _run(self, batch: list[_Waiting]) -> None:
        tokens = sum(part.tokens for part in batch)
        began = time.monotonic()
        try:
            texts = [text for part in batch for text in part.texts]
            left = max(part.deadline for part in batch) - began
            found = await self._backend(texts, left)
            took = time.monotonic() - began
            self._learn(took, tokens, len(texts))
            self._company.expect(len(batch) + len(self._line), took)
            pieces = outputs.cut(found, [len(part.texts) for part in batch])
            for part, piece in zip(batch, pieces, strict=True):
                if not part.answer.done():
                    part.answer.set_result(piece)
        except (BackendGone, BackendFull) as error:
            self._concurrency.refused()
            await self._again(batch, str(error))
        except TimeoutError:
            _fail(batch, TimeoutError())
        except BackendRefused as error:
            _fail(batch, Problem("backend", f"the model answers with an error ({error})"))
        except Exception as error:  # a fault of this program must not leave anybody waiting
            _fail(batch, error)
        finally:
            for part in batch:
                self._busy[part.tenant] -= part.tokens
            self._busy = +self._busy  # without those who have nothing there any more

    async def _again(self, batch: Sequence[_Waiting], reason: str) -> None:
        """Put a batch that was not answered back to the head of the line, a little later."""
        await asyncio.sleep(PAUSE * 2 ** batch[0].attempts)
        for part in batch:
            part.attempts += 1
            if part.attempts >= ATTEMPTS and not part.answer.done():
                detail = f"the model is not to be reached ({reason}); try again"
                part.answer.set_exception(Problem("overloaded", detail, 5))
            elif not part.answer.done():
                self._line.put_back(part, part.tenant, part.tokens, part.priority)

    def _learn(self, seconds: float, tokens: int, texts: int) -> None:
        self._pace.learn(tokens, seconds)
        self._concurrency.answered(seconds, tokens, len(self._running))
        self._told.batch(texts, tokens, seconds)


@dataclass
class _Room:
    """What a batch can still take."""

    tokens: float
    texts: float

    def has(self, tokens: int, texts: int) -> bool:
        return tokens <= self.tokens and texts <= self.texts

    def take(self, tokens: int, texts: int) -> None:
        self.tokens -= tokens
        self.texts -= texts


def cuts(tokens: Sequence[int], most: int, most_texts: int | None = None) -> list[tuple[int, int]]:
    """Cut a list of texts into runs of at most so many tokens and texts: (start, end) of each.

    >>> cuts([3, 3, 3, 9], 6)
    [(0, 2), (2, 3), (3, 4)]
    >>> cuts([1, 1, 1], 6, most_texts=2)
    [(0, 2), (2, 3)]
    """
    found, start = [], 0
    room = _Room(most, most_texts or math.inf)
    for place, count in enumerate(tokens):
        if place > start and not room.has(count, 1):
            found.append((start, place))
            start, room = place, _Room(most, most_texts or math.inf)
        room.take(count, 1)
    return [*found, (start, len(tokens))]


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    for part in batch:
        if not part.answer.done():
            part.answer.set_exception(error)
