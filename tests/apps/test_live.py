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
        told = live.answer(["talk:a"], {}).body_iterator
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


def test_only_so_many_are_told(engine, monkeypatch):
    monkeypatch.setattr(module, "MOST", 1)

    async def filled():
        live = Live(EventLog(engine), lambda: False)
        told = live.answer(["a"], {}).body_iterator
        assert not live.is_full
        await next_of(told)
        assert live.is_full
        await told.aclose()
        assert not live.is_full

    asyncio.run(filled())
