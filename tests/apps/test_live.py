"""Open pages hear that something came, of their own streams, from any process."""

from __future__ import annotations

import asyncio

from tfsocial.apps import live as module
from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.live import Live


async def next_of(told, seconds: float = 20.0) -> str:
    return await asyncio.wait_for(anext(told), seconds)


def test_a_page_hears_of_its_own_streams_and_of_the_end(engine, monkeypatch):
    monkeypatch.setattr(module, "BEAT", 0.5)
    log, ending = EventLog(engine), []

    async def heard():
        live = Live(log, lambda: bool(ending))
        live.start()
        told = live.answer("ann", ["talk:a"], {}).body_iterator
        assert await next_of(told) == "retry: 2000\n\n"
        assert "changed" in await next_of(told)  # what came before it looked is not known
        log.add([Event("talk:b", "1", 0.0)])
        assert await next_of(told) == ": still here\n\n"
        log.add([Event("talk:a", "1", 0.0)])
        while "changed" not in (said := await next_of(told)):
            assert said.startswith(":")
        ending.append(True)
        assert [said async for said in told if not said.startswith(":")] == []
        assert not live._waiting
        await live.stop()

    asyncio.run(heard())


def test_only_so_many_are_told_and_fewer_of_one(engine, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    monkeypatch.setattr(module, "MOST_OF_ONE", 2)

    async def filled():
        live = Live(EventLog(engine), lambda: False)

        def full():
            return live.is_full("ann"), live.is_full("bob")

        pages = [live.answer(who, ["a"], {}).body_iterator for who in ("ann", "ann", "bob")]
        seen = [full()]
        for page in pages:
            await next_of(page)
            seen.append(full())
        assert seen == [(False, False), (False, False), (True, False), (True, True)]
        for page in pages:
            await page.aclose()
        assert full() == (False, False)

    asyncio.run(filled())
