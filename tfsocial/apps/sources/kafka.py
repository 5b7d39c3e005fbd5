"""Messages of a topic of Kafka.

NOT TESTED: there was no broker to test it against. It is written after the client's documentation
(confluent-kafka), and in the shape of the sources that are tested against real servers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

from tfsocial import extras
from tfsocial.apps.sources.contract import Batch, SourceGone
from tfsocial.apps.sources.messages import Fields, event_of
from tfsocial.errors import InputError

AT_ONCE = 500  # messages of a batch
QUIET = 1.0  # seconds that are waited for a message


class KafkaTopic:
    """A topic, read by a consumer group; the broker keeps how far. Not tested against a broker.

    Args:
        servers: HOST:PORT, several separated by commas.
        stream: of the log, that its events go to.
    """

    def __init__(
        self,
        servers: str,
        topic: str,
        stream: str,
        group: str = "tfsocial",
        fields: Fields | None = None,
    ):
        self.name = f"kafka:{group}:{topic}"
        self._topic, self._stream, self._fields = topic, stream, fields
        self._settings = {
            "bootstrap.servers": servers,
            "group.id": group,
            "enable.auto.commit": False,  # only what is in the log
            "auto.offset.reset": "earliest",
        }
        self._kafka = extras.library("confluent_kafka", "confluent-kafka", "kafka", self.name)

    def batches(self, position: str, stop: threading.Event) -> Iterator[Batch]:
        """Give messages as they come; the group's offset follows when they are kept.

        Raises:
            SourceGone: no broker answers.
        """
        consumer = self._kafka.Consumer(self._settings)
        try:
            consumer.subscribe([self._topic])
            while not stop.is_set():
                if messages := consumer.consume(AT_ONCE, timeout=QUIET):
                    yield self._batch(consumer, messages)
        except self._kafka.KafkaException as error:
            raise SourceGone(str(error)) from None
        finally:
            consumer.close()

    def _batch(self, consumer: Any, messages: list[Any]) -> Batch:
        events, rejected = [], []
        for message in messages:
            if message.error():
                raise self._kafka.KafkaException(message.error())
            place = f"kafka:{message.topic()}:{message.partition()}:{message.offset()}"
            kind, milliseconds = message.timestamp()
            known = kind != self._kafka.TIMESTAMP_NOT_AVAILABLE
            came = milliseconds / 1000 if known else time.time()
            try:
                events.append(
                    event_of(message.value() or b"", self._stream, place, came, self._fields)
                )
            except InputError as error:
                rejected.append(str(error))

        def kept() -> None:
            consumer.commit(asynchronous=False)

        return Batch(events, kept=kept, rejected=rejected)
