"""Tells open pages that something has come into the log, as server-sent events.

Only that, not what: the page asks for it as it would at any time. One look at the log a moment,
for all pages together, sees what other processes wrote too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from tfsocial.apps.events import EventLog

EVERY = 0.3  # seconds between two looks
BEAT = 15.0  # seconds after which something is sent, so that a connection that is gone is noticed
LASTS = 600.0  # seconds: then the browser connects again, and is let in again
MOST, MOST_OF_ONE = 400, 10  # pages of a process, and of one person in it
log = logging.getLogger(__name__)


class _Page(NamedTuple):
    """An open page: whose it is, and the streams that it hears of."""

    who: str
    streams: frozenset[str]


class Live:
    """The open pages of a process.

    Args:
        ending: says whether the process is about to end.
    """

    def __init__(self, events: EventLog, ending: Callable[[], bool]):
        self._events, self._ending = events, ending
        self._waiting: dict[asyncio.Event, _Page] = {}
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def is_full(self, who: str) -> bool:
        """Say whether no more pages are told, of all or of somebody."""
        own = sum(waiting.who == who for waiting in self._waiting.values())
        return len(self._waiting) >= MOST or own >= MOST_OF_ONE

    def start(self) -> None:
        """Look from now on."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._look())

    def tell(self, stream: str) -> None:
        """Wake the pages of this process that hear of a stream; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, {stream})

    async def stop(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def answer(
        self, who: str, streams: Collection[str], headers: dict[str, str]
    ) -> StreamingResponse:
        """Answer a page of somebody that wants to hear of some streams."""
        told = self._told(_Page(who, frozenset(streams)))
        return StreamingResponse(told, media_type="text/event-stream", headers=headers)

    async def _told(self, page: _Page) -> AsyncIterator[str]:
        grew = asyncio.Event()
        self._waiting[grew] = page
        until = asyncio.get_running_loop().time() + LASTS
        try:
            yield "retry: 2000\n\n"
            while asyncio.get_running_loop().time() < until and not self._ending():
                try:
                    await asyncio.wait_for(grew.wait(), BEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                grew.clear()
                if not self._ending():
                    yield "event: changed\ndata: \n\n"
        finally:
            del self._waiting[grew]

    async def _look(self) -> None:
        number: int | None = None
        while True:
            await asyncio.sleep(EVERY)
            if self._ending():
                for one in self._waiting:
                    one.set()
            elif not self._waiting:
                number = None
            else:
                try:
                    number = await self._tell(number)
                except Exception:
                    log.exception("the log could not be read; again in a moment")

    async def _tell(self, number: int | None) -> int:
        """Wake who waits for streams that grew after an event; gives the newest one now."""
        if number is None:  # nobody waited: what came meanwhile is not known, so all look
            newest = await run_in_threadpool(self._events.last_number)
            for one in list(self._waiting):
                one.set()
            return newest
        grown = await run_in_threadpool(self._events.streams_after, number)
        self._wake(grown)
        return max([number, *grown.values()])

    def _wake(self, streams: Collection[str]) -> None:
        for one, page in list(self._waiting.items()):
            if not page.streams.isdisjoint(streams):
                one.set()
