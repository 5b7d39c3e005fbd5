"""How an application asks its model: in order, and never more than a line takes."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import pytest

from tfsocial.apps.model import AT_ONCE, WAITING, Model
from tfsocial.serving.gateway.problems import Problem


class Line:
    """Stands in for the gateway's calls: answers with what it was asked, and counts who waits."""

    def __init__(self):
        self.now, self.most = 0, 0

    async def __call__(self, ask):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001 * (len(ask.texts) % 3))
        self.now -= 1
        return [text for (text,) in ask.texts]


@contextmanager
def started(line: Line):
    """A model whose loop runs in another thread."""
    model, loop = Model(line, "m"), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start():
        model.start()

    asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield model
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_many_texts_come_back_in_order_and_few_calls_wait_at_once():
    line, texts = Line(), [str(n) for n in range(20 * AT_ONCE + 7)]
    with started(line) as model:
        assert [text for answer in model.answers("embed", texts) for text in answer] == texts
        assert model.answers("embed", []) == []
    assert 1 < line.most <= WAITING


def test_before_it_is_started_it_says_so():
    with pytest.raises(Problem, match="about to start"):
        Model(Line(), "m").answers("embed", ["a"])
