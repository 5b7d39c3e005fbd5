"""The model as an application asks it: through the gateway's own policy, from any thread."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextvars import ContextVar

import numpy as np

from tfsocial.serving.gateway.access.callers import ANY, Caller
from tfsocial.serving.gateway.calls import Answered, Ask, Calls
from tfsocial.serving.gateway.problems import Problem

AT_ONCE = 64  # texts of a call
WAITING = 4  # calls that wait at once
# Who asks in this thread: a request's caller, or else the program itself, as for what it knows.
ITSELF = Caller("application", ((ANY, ANY),), "self")
ASKING: ContextVar[Caller] = ContextVar("asking", default=ITSELF)


def unit_vectors(answers: Sequence[Answered]) -> np.ndarray:
    """Give the vectors of answers, [n, d], of length 1."""
    vectors = np.concatenate([answer.predictions.embedding for answer in answers])
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def version_of(answer: Answered) -> str:
    """Name the version that gave an answer, so that no other one has the name."""
    return f"{answer.version.number}-{answer.version.manifest_hash[:12]}"


class Model:
    """A model behind a gateway."""

    def __init__(self, calls: Calls, name: str):
        self._calls, self._name = calls, name
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Answer from now on, in the loop that runs here; who asks is in another thread."""
        self._loop = asyncio.get_running_loop()

    def answers(self, verb: str, texts: Sequence[str]) -> list[Answered]:
        """Ask about texts, in calls of at most 64 of them, four of which wait in the model's line.

        More at once would be refused where they are many: nobody's call waits longer than allowed.

        Raises:
            Problem: it is not allowed, not possible, or not in time.
        """
        if self._loop is None:
            raise Problem("overloaded", "it is about to start; ask again in a moment", 1.0)
        caller = ASKING.get()
        found: list[Answered] = []
        waiting: deque[Future[Answered]] = deque()
        for start in range(0, len(texts), AT_ONCE):
            if len(waiting) == WAITING:
                found.append(waiting.popleft().result())
            one = self._answered(caller, verb, texts[start : start + AT_ONCE])
            waiting.append(asyncio.run_coroutine_threadsafe(one, self._loop))
        return found + [one.result() for one in waiting]

    async def _answered(self, caller: Caller, verb: str, texts: Sequence[str]) -> Answered:
        return await self._calls(Ask(caller, verb, self._name, [(text,) for text in texts]))
