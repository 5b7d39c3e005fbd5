"""uvicorn as a door to a network: whoever is slow to say what they want is shown out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = (
    10.0  # from the first byte of a request, or the connection, to the end of its headers
)
SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Punctual(HttpToolsProtocol):
    """HTTP/1.1 with a limit on how long headers may take; uvicorn itself has none.

    Without one a few thousand connections that send a byte now and then hold a server (Slowloris).
    """

    _alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set()

    def data_received(self, data: bytes) -> None:
        if self._alarm is None and (self.cycle is None or self.cycle.response_complete):
            self._set()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._unset()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset()
        super().connection_lost(exc)

    def _set(self) -> None:
        self._alarm = self.loop.call_later(HEAD_SECONDS, self._show_out)

    def _unset(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _show_out(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(SLOW)
            self.transport.close()


class Listener(uvicorn.Server):
    """A server among several in one process, which leaves signals to its owner."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
