"""Doubles, copies and busy authors, told apart by what shares a key; knows no Beam.

Each of these takes what has its key one after the other, and keeps what it has to know of the
former ones: in a batch in the order of the lines, in a stream as they come.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from tfsocial.apps.monitor import copies
from tfsocial.apps.monitor.copies import LAST
from tfsocial.apps.monitor.labels import labels_of
from tfsocial.apps.monitor.on_beam.messages import Order, Post
from tfsocial.apps.monitor.records import DAY, WIDTH, Labelled

AT_HAND = 10_000  # texts whose threes are kept, since all bands of a text are compared by them


class Step(Protocol):
    """Takes elements of one key in turn."""

    @property
    def lasts(self) -> float:
        """Seconds after the time of an element that its key has to be known for."""

    def __call__(self, state: Any, element: Any) -> tuple[Any, list[Any]]:
        """Give what is known from now on, and what follows; at first nothing is: None."""
        ...


@dataclass(frozen=True)
class Said:
    """A text as the model labelled it, and what it is about."""

    key: str
    happened: float
    text: str
    sentiment: str
    probability: float
    topics: Sequence[str]
    author: str
    source: str
    order: Order

    @classmethod
    def of(cls, post: Post, said: Labelled, topics: Sequence[str]) -> Said:
        """Put together what is known of a text."""
        labelled = post.text, said.sentiment, said.probability, tuple(topics)
        return cls(post.key, post.happened, *labelled, post.author, post.source, post.order)


@dataclass(frozen=True)
class Opinion:
    """A text on a topic, as it is counted.

    Attributes:
        key: hashed, of its text.
        copy_of: key of the text that it is a copy of; its own: it is none.
        counted: whether it counts for alarms: no copy, and no author over and over.
    """

    key: str
    topic: str
    happened: float
    sentiment: str
    probability: float
    copy_of: str
    counted: bool
    author: str
    source: str
    order: Order

    def labels(self) -> list[str]:
        """Name what it is counted as."""
        return labels_of(self.counted, self.sentiment, self.topic)


class Former(NamedTuple):
    """A text that another one may be a copy of; sorted, the first one comes first."""

    order: Order
    happened: float
    key: str


class Part(NamedTuple):
    """What one of a text's bands is asked, and says: which text it is a copy of, if it is one.

    Attributes:
        bands: how many there are of this text.
    """

    said: Said
    bands: int
    former: Former | None = None

    @property
    def happened(self) -> float:
        """When the text happened."""
        return self.said.happened

    @property
    def order(self) -> Order:
        """The text's place among all."""
        return self.said.order


@dataclass(frozen=True)
class Once:
    """Lets the first of equal keys through.

    Attributes:
        late: seconds that texts may come late: a double that comes later is not counted anyway.
    """

    late: float = math.inf

    @property
    def lasts(self) -> float:
        """As long as its bucket takes any."""
        return self.late + WIDTH

    def __call__(self, state: bool | None, element: Post) -> tuple[bool, list[Post]]:
        return True, [] if state else [element]


@dataclass(frozen=True)
class Near:
    """Finds the first text of a band that a text is a copy of."""

    late: float = math.inf

    @property
    def lasts(self) -> float:
        """As long as copies are looked for, and those may come late."""
        return self.late + LAST

    def __call__(
        self, state: tuple[Said, ...] | None, element: Part
    ) -> tuple[tuple[Said, ...], list[Part]]:
        said = element.said
        known = tuple(one for one in state or () if said.happened - one.happened <= self.lasts)
        for one in known:
            if is_copy(said, one):
                former = Former(one.order, one.happened, one.key)
                return known, [element._replace(former=former)]
        return (*known, said), [element]


@dataclass(frozen=True)
class Joined:
    """Gathers what all bands of a text say: of which it is a copy, it is one of the first."""

    late: float = math.inf

    @property
    def lasts(self) -> float:
        """Not long: all of it is on its way."""
        return self.late + WIDTH

    def __call__(
        self, state: tuple[int, Former | None] | None, element: Part
    ) -> tuple[tuple[int, Former | None], list[Opinion]]:
        seen, first = state or (0, None)
        found = [former for former in (first, element.former) if former]
        seen, first = seen + 1, min(found, default=None)
        return (seen, first), list(opinions(element.said, first)) if seen == element.bands else []


@dataclass(frozen=True)
class Voices:
    """Counts the same author's negative texts on a topic in a day no more than so often.

    Attributes:
        most: that count.
    """

    most: int
    late: float = math.inf

    @property
    def lasts(self) -> float:
        """As long as texts of that day may come."""
        return self.late + DAY

    def __call__(self, state: int | None, element: Opinion) -> tuple[int, list[Opinion]]:
        before = state or 0
        return before + 1, [replace(element, counted=before < self.most)]


def opinions(said: Said, former: Former | None) -> Iterator[Opinion]:
    """Give the opinions of a text, one for each topic."""
    copy_of = former.key if former else said.key
    for topic in said.topics:
        yield Opinion(
            said.key,
            topic,
            said.happened,
            said.sentiment,
            said.probability,
            copy_of,
            former is None,
            said.author,
            said.source,
            said.order,
        )


def voice(one: Opinion) -> tuple[str, str, int]:
    """Name whose opinion on what it is, and of which day, UTC."""
    return one.author, one.topic, int(one.happened // DAY)


def is_copy(one: Said, other: Said) -> bool:
    """Tell whether one text is a copy of another, at most a week from it."""
    if abs(one.happened - other.happened) > LAST:
        return False
    return copies.similarity(_threes(one.text), _threes(other.text)) >= copies.NEAR


def parts(said: Said) -> list[tuple[int, Part]]:
    """Give the bands of a text, each once, and what each is asked; see `copies`."""
    bands = sorted({int(band) for band in copies.bands_of(_threes(said.text))})
    return [(band, Part(said, len(bands))) for band in bands]


def in_turn(elements: Iterable[Any], step: Step) -> Iterator[Any]:
    """Take elements of one key in the order of their lines."""
    state = None
    for element in sorted(elements, key=attrgetter("order")):
        state, found = step(state, element)
        yield from found


@functools.lru_cache(AT_HAND)
def _threes(text: str) -> frozenset[str]:
    return copies.grams(text)
