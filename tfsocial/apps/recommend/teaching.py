"""From purchases to what an encoder of items' texts learns by: a text, and who bought it.

Each text is an example and its buyers are its labels (`kind: multilabel`): the encoder's vector x
of a text and the head's weights w of a person are fitted so that s(w x + b) tells whether they
bought it. That is logistic matrix factorization (Johnson 2014, Logistic Matrix Factorization for
Implicit Feedback Data) whose items' factors are read from their texts, as van den Oord, Dieleman &
Schrauwen (2013), Deep content-based music recommendation, read them from sound; so an item that
nobody bought yet has its place among the others.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tfsocial import files
from tfsocial.errors import InputError

COLUMNS = ("text", "buyers")
SEPARATOR = "|"  # between buyers; the usual one of tasks.NAME.separator
FEWEST = 5  # texts that a person bought; fewer say little of a taste
MOST_PEOPLE = 4096  # labels: those who bought the most texts


class Purchase(NamedTuple):
    """A person bought an item."""

    person: str
    item: str


class Lesson(NamedTuple):
    """A text with the numbers of those who bought it."""

    text: str
    buyers: tuple[int, ...]


@dataclass(frozen=True)
class Lessons:
    """What is learned from, by text.

    There is no dev split: the loss on texts that are kept apart is least long before the vectors
    tell best who buys what, so it would pick the wrong epoch.

    Attributes:
        people: how many have a number, 0 to people - 1.
    """

    train: Sequence[Lesson]
    people: int

    def write(self, folder: Path) -> None:
        """Write train.csv, columns text and buyers.

        Raises:
            OSError: it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with (
            files.replacing(folder / "train.csv") as partial,
            partial.open("w", encoding="utf-8", newline="") as file,
        ):
            rows = ((text, SEPARATOR.join(map(str, buyers))) for text, buyers in self.train)
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def lessons(texts: Mapping[str, str], purchases: Iterable[Purchase]) -> Lessons:
    """Make lessons of the texts of items and of what was bought.

    Items of one text are one example, and purchases of items without a text teach nothing. People
    are numbered, so that a model does not hold who they are; neither their numbers nor the lines
    depend on the order of what is given.

    Args:
        texts: item -> its text.

    Raises:
        InputError: nobody bought enough.
    """
    buyers = _buyers(texts, purchases)
    numbers = _numbers(buyers.values())
    if not numbers:
        raise InputError(
            f"purchases: nobody bought {FEWEST} texts, which a taste is read from; give more"
        )
    every = (
        Lesson(text, tuple(sorted(numbers[one] for one in buyers[text] if one in numbers)))
        for text in sorted(buyers)
    )
    return Lessons([lesson for lesson in every if lesson.buyers], len(numbers))


def _buyers(texts: Mapping[str, str], purchases: Iterable[Purchase]) -> dict[str, set[str]]:
    """Give who bought each text, of those that somebody bought."""
    buyers: dict[str, set[str]] = {}
    for person, item in purchases:
        if text := " ".join(texts.get(item, "").split()):
            buyers.setdefault(text, set()).add(person)
    return buyers


def _numbers(buyers: Iterable[AbstractSet[str]]) -> dict[str, int]:
    """Number those who bought enough texts, the most active where they are too many."""
    counts: dict[str, int] = {}
    for some in buyers:
        for person in some:
            counts[person] = counts.get(person, 0) + 1
    able = [person for person, count in counts.items() if count >= FEWEST]
    able.sort(key=lambda person: (-counts[person], _digest(person)))
    # By a hash: neither a name's place in the alphabet nor who bought most stands in a number.
    return {person: number for number, person in enumerate(sorted(able[:MOST_PEOPLE], key=_digest))}


def _digest(person: str) -> bytes:
    return hashlib.sha256(person.encode("utf-8", "surrogatepass")).digest()
