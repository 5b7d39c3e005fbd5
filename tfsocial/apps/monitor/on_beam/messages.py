"""From a line to what is counted of it, or to why it cannot be; knows no Beam."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from tfsocial.apps.monitor.contents import author_of, check, source_of, text_of
from tfsocial.apps.sources.members import object_of, seconds, word
from tfsocial.errors import InputError

Order = tuple[int, ...]  # of a line among all: file and line; empty: as they come


class Message(NamedTuple):
    """A message as it came: one JSON object.

    Attributes:
        file, number: where it stands, line from 1 on; empty and 0 in a stream.
    """

    line: bytes
    file: str = ""
    number: int = 0
    order: Order = ()


@dataclass(frozen=True)
class Post:
    """A text before it is labelled.

    Attributes:
        key: hashed, since keys of others may name people.
        happened: seconds since 1970; what claims to come from the future happened as it came.
        author: a hash; empty: not known.
        source: where it was read; empty: it does not say.
    """

    key: str
    happened: float
    text: str
    author: str
    source: str
    message: Message
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> Order:
        """Its place among all."""
        return self.message.order


class Unanswered(NamedTuple):
    """A dead letter: a line that is `unreadable`, or whose text `failed` in the model."""

    file: str
    line: int
    kind: str
    reason: str


def read(message: Message, now: float) -> Post | Unanswered:
    """Read a message.

    Args:
        now: seconds since 1970, when it came: it happened no later, and then if it does not say.
    """
    try:
        return _post(message, now)
    except InputError as error:
        reason = str(error).removeprefix(f"{message.file}: ")
        return Unanswered(message.file, message.number, "unreadable", reason)


def _post(message: Message, now: float) -> Post:
    content = object_of(message.line, message.file)
    key = word(content.pop("key", _place(message)), "key")
    person = word(content.pop("person", ""), "person")
    happened = min(_time(content.pop("time", now)), now)
    check(content, message.file)
    return Post(
        hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest(),
        round(1e6 * happened) / 1e6,
        text_of(content),
        author_of(person, content),
        source_of(content),
        message._replace(line=b""),
        content,
    )


def _place(message: Message) -> str:
    """Give the key of a message that has none: its place, or in a stream what it says."""
    if message.file:
        return f"{message.file}:{message.number}"
    return hashlib.sha256(message.line).hexdigest()


def _time(value: Any) -> float:
    try:
        return seconds(value, "time")
    except InputError:  # says what stands there, which may be of the text
        raise InputError(
            "time: is none; write seconds since 1970 or as 2026-11-29T20:15:00Z"
        ) from None


def lines(here: Path, file: str, place: int) -> Iterator[Message]:
    """Read the lines of a file, plain or .gz; empty ones are passed over.

    Args:
        here: where it lies on this machine.
        file: its name, as it is known to others.
        place: of the file among all.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with _opened(here) as opened:
            for number, line in enumerate(opened, 1):
                if line.strip():
                    yield Message(line, file, number, (place, number))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{file}: cannot be read ({error})") from None


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
