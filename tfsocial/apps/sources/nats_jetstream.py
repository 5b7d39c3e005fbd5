"""Messages of a stream of NATS JetStream, taken by a durable consumer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tfsocial import extras
from tfsocial.apps.sources.contract import Batch, SourceGone
from tfsocial.apps.sources.messages import Fields, event_of
from tfsocial.errors import InputError

AT_ONCE = 500  # messages of a batch
PATIENCE = 5.0  # seconds to connect, and for acknowledgements
QUIET = 1.0  # seconds that are waited for a message


class JetStream:
    """A subject of a stream; its server keeps how far it was read.

    Args:
        url: nats://[USER:PASSWORD@]HOST:PORT.
        subject: of a stream that exists; each message is a JSON object.
        stream: of the log, that its events go to.
        durable: name of the consumer at the server.
    """

    def __init__(
        self,
        url: str,
        subject: str,
        stream: str,
        durable: str = "tfsocial",
        fields: Fields | None = None,
    ):
        self.name = f"nats:{durable}:{subject}"
        self._url, self._subject, self._durable = url, subject, durable
        self._stream, self._fields = stream, fields
        self._nats = extras.library("nats", "nats-py", "nats", "a source in NATS")

    def batches(self, position: str, stop: threading.Event) -> Iterator[Batch]:
        """Give messages as they come; they are acknowledged when they are kept.

        Raises:
            SourceGone: the server does not answer, or has no such stream.
        """
        with asyncio.Runner() as runner:
            try:
                connection = runner.run(self._connected())
                try:
                    taken = runner.run(self._subscribed(connection))
                    while not stop.is_set():
                        if messages := runner.run(self._next(taken)):
                            kept = _Kept(runner, connection, messages)
                            yield self._batch(messages, kept)
                finally:
                    runner.run(connection.close())
            except (self._nats.errors.Error, OSError, TimeoutError) as error:
                raise SourceGone(str(error) or type(error).__name__) from None

    async def _connected(self) -> Any:
        async def quiet(error: Exception) -> None:  # what fails is raised to who asked
            del error

        return await self._nats.connect(
            self._url, connect_timeout=PATIENCE, allow_reconnect=False, error_cb=quiet
        )

    async def _subscribed(self, connection: Any) -> Any:
        return await connection.jetstream().pull_subscribe(self._subject, self._durable)

    async def _next(self, taken: Any) -> list[Any]:
        try:
            return await taken.fetch(AT_ONCE, timeout=QUIET)
        except self._nats.errors.TimeoutError:
            return []

    def _batch(self, messages: Sequence[Any], kept: _Kept) -> Batch:
        events, rejected = [], []
        for message in messages:
            about = message.metadata
            place = f"nats:{about.stream}:{about.sequence.stream}"
            came = about.timestamp.timestamp() if about.timestamp else time.time()
            try:
                events.append(event_of(message.data, self._stream, place, came, self._fields))
            except InputError as error:
                rejected.append(str(error))
        return Batch(events, kept=kept, rejected=rejected)


class _Kept:
    """Tells the server that messages need not come again."""

    def __init__(self, runner: asyncio.Runner, connection: Any, messages: Sequence[Any]):
        self._runner, self._connection, self._messages = runner, connection, messages

    def __call__(self) -> None:
        self._runner.run(self._acknowledge())

    async def _acknowledge(self) -> None:
        for message in self._messages:
            await message.ack()
        await self._connection.flush(round(PATIENCE))
