"""What persons choose: interests to begin with, how diverse lists are to be, not to be followed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from tfsocial.apps.events import EVENTS, Event, EventLog
from tfsocial.errors import InputError

MOST_INTERESTS = 10


@dataclass(frozen=True)
class Choice:
    """What a person chose last.

    Attributes:
        interests: ids of items that stand for what they like.
        diversity: 0 to 1; None: as the rules say.
        followed: whether what they do is kept, and lists are made for them.
    """

    interests: tuple[str, ...] = ()
    diversity: float | None = None
    followed: bool = True


class Choices:
    """What all persons choose, in a stream for each."""

    def __init__(self, log: EventLog):
        self._log = log

    def of(self, person: str) -> Choice:
        """Give what somebody chose."""
        known = self._log.latest(_stream(person), 1) if person else []
        return _choice(known[0].content) if known and known[0].content else Choice()

    def keep(self, person: str, choice: Choice) -> None:
        """Keep what somebody chooses.

        Raises:
            InputError: nobody is named, or the choice is none.
        """
        if not person:
            raise InputError("person: is not there; say whose choice it is")
        if choice.diversity is not None and not 0 <= choice.diversity <= 1:
            raise InputError("diversity: is not from 0 to 1")
        if len(choice.interests) > MOST_INTERESTS:
            raise InputError(f"interests: are above {MOST_INTERESTS}")
        now = time.time()
        self._log.add([Event(_stream(person), f"{now}", now, asdict(choice), person)])


def not_followed(connection: sa.Connection, persons: Collection[str]) -> set[str]:
    """Tell which of some persons are not to be followed."""
    streams = {_stream(person): person for person in persons}
    found: dict[str, bool] = {}
    for part in _parts(list(streams)):
        chosen = sa.select(EVENTS.c.stream, EVENTS.c.content).where(EVENTS.c.stream.in_(part))
        for stream, content in connection.execute(chosen.order_by(EVENTS.c.number)):
            found[streams[stream]] = _choice(json.loads(content)).followed
    return {person for person, followed in found.items() if not followed}


def _parts(names: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


def _choice(content: Mapping[str, Any]) -> Choice:
    return Choice(**{**content, "interests": tuple(content.get("interests", ()))})


def _stream(person: str) -> str:
    # Hashed: a stream's name is shorter than a person's, and is not theirs to choose.
    return f"choices {hashlib.sha256(person.encode()).hexdigest()[:32]}"
