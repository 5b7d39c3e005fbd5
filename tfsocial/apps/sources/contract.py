"""What a source of events is, and what it is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tfsocial.apps.events import Event


class SourceGone(Exception):
    """The source does not answer now; it may again."""


@dataclass(frozen=True)
class Batch:
    """Events that came together.

    Attributes:
        events: may have come before; the log knows them by their keys.
        position: where the source goes on next time; empty where its server keeps that.
        kept: is called when the events are in the log.
        rejected: a sentence of each message that is no event.
    """

    events: Sequence[Event]
    position: str = ""
    kept: Callable[[], None] = lambda: None
    rejected: Sequence[str] = field(default=())


class Source(Protocol):
    """Something that events come from.

    Attributes:
        name: of its own among all sources; the position is kept under it.
    """

    name: str

    def batches(self, position: str, stop: threading.Event) -> Iterator[Batch]:
        """Give what comes, from a position on, until it is told to stop.

        Args:
            position: of the last batch that was kept; empty at first.

        Raises:
            SourceGone: it does not answer.
        """
        ...
