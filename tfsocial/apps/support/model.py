"""The model as customer service asks it: through the gateway's own policy, from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar

import numpy as np

from tfsocial.apps.support.records import Read
from tfsocial.serving.gateway.access.callers import ANY, Caller
from tfsocial.serving.gateway.calls import Answered, Ask, Calls

AT_ONCE = 64  # texts of a call
# Who asks in this thread: a request's caller, or else the program itself, as for what it knows.
ITSELF = Caller("support", ((ANY, ANY),), "self")
ASKING: ContextVar[Caller] = ContextVar("asking", default=ITSELF)


class Model:
    """A model behind a gateway.

    Args:
        loop: that the gateway runs in; never the thread that asks.
    """

    def __init__(self, calls: Calls, name: str, loop: asyncio.AbstractEventLoop):
        self._calls, self._name, self._loop = calls, name, loop

    def read(self, texts: Sequence[str]) -> Read:
        """Give vectors of length 1, and the probabilities of intents if it classifies.

        Raises:
            Problem: it is not allowed, not possible, or not in time.
        """
        caller = ASKING.get()
        found = [
            asyncio.run_coroutine_threadsafe(
                self._answered(caller, texts[start : start + AT_ONCE]), self._loop
            ).result()
            for start in range(0, len(texts), AT_ONCE)
        ]
        vectors = np.concatenate([one.predictions.embedding for one in found])
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return Read(vectors / lengths, [intents for one in found for intents in _intents(one)])

    async def _answered(self, caller: Caller, texts: Sequence[str]) -> Answered:
        return await self._calls(Ask(caller, "embed", self._name, [(text,) for text in texts]))


def _intents(found: Answered) -> list[Mapping[str, float]]:
    """Give label -> probability of each text, where one task alone labels texts."""
    tasks = found.version.manifest.tasks
    classes = [name for name, spec in tasks.items() if spec.kind == "classify"]
    if len(classes) != 1:
        return [{}] * len(found.predictions.embedding)
    (task,) = classes
    rows = found.predictions.tasks[task].tolist()
    return [dict(zip(tasks[task].labels, row, strict=True)) for row in rows]
