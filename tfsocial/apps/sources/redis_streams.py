"""Entries of a stream of Redis, taken by a consumer group."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from tfsocial import extras
from tfsocial.apps.sources.contract import Batch, SourceGone
from tfsocial.apps.sources.messages import Fields, event_of
from tfsocial.errors import InputError

AT_ONCE = 500  # entries of a batch
QUIET = 1000  # milliseconds that are waited for an entry
PATIENCE = 5.0  # seconds for an answer
WHOLE = "json"  # the field of an entry that is a whole message
NAME = "tfsocial"  # of the group, and of who reads in it


class RedisStream:
    """A stream by its key; the server keeps how far the group has read it.

    An entry with a field `json` is that JSON object; of any other its fields are the members.

    Args:
        url: redis://[:PASSWORD@]HOST:PORT/NUMBER.
        stream: of the log, that its events go to.
    """

    def __init__(
        self, url: str, key: str, stream: str, group: str = NAME, fields: Fields | None = None
    ):
        self.name = f"redis:{group}:{key}"
        self._url, self._key, self._group = url, key, group
        self._stream, self._fields = stream, fields
        self._redis = extras.library("redis", "redis", "redis", "a source in Redis")

    def batches(self, position: str, stop: threading.Event) -> Iterator[Batch]:
        """Give what was taken and not acknowledged, as by a process that was killed, then the rest.

        Raises:
            SourceGone: the server does not answer.
        """
        try:
            patience = PATIENCE + QUIET / 1000
            with self._redis.Redis.from_url(self._url, socket_timeout=patience) as client:
                self._join(client)
                after = "0"  # what this reader has taken already
                while not stop.is_set():
                    entries = self._read(client, after)
                    if entries:
                        yield self._batch(client, entries)
                    else:
                        after = ">"  # what nobody has taken
        except (self._redis.RedisError, OSError) as error:
            raise SourceGone(str(error)) from None

    def _join(self, client: Any) -> None:
        try:
            client.xgroup_create(self._key, self._group, id="0", mkstream=True)
        except self._redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):  # it is there already
                raise

    def _read(self, client: Any, after: str) -> Sequence[Any]:
        found = client.xreadgroup(self._group, NAME, {self._key: after}, count=AT_ONCE, block=QUIET)
        return next(iter(found.values() if isinstance(found, dict) else dict(found).values()), [])

    def _batch(self, client: Any, entries: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> Batch:
        events, rejected = [], []
        for number, values in entries:
            place = f"redis:{self._key}:{number.decode()}"
            came = int(number.split(b"-")[0]) / 1000
            try:
                message = _message(values, place)
                events.append(event_of(message, self._stream, place, came, self._fields))
            except InputError as error:
                rejected.append(str(error))
        numbers = [number for number, _ in entries]

        def kept() -> None:
            client.xack(self._key, self._group, *numbers)

        return Batch(events, kept=kept, rejected=rejected)


def _message(values: dict[bytes, bytes], place: str) -> bytes | str:
    if WHOLE.encode() in values:
        return values[WHOLE.encode()]
    try:
        return json.dumps({name.decode(): value.decode() for name, value in values.items()})
    except UnicodeDecodeError:
        raise InputError(f"{place}: is not UTF-8") from None
