"""What the base lacks and where it contradicts itself, for who writes it.

Unanswered questions are gathered into heaps that ask nearly the same. Known questions that are
nearly the same are shown in pairs: with the same answer one is too many, with another one of them
may be wrong.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.support.index import Index, Query
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.knowledge_base import KnowledgeBase
from tfsocial.apps.support.retrieval import Found
from tfsocial.apps.support.words import UNSPACED, words

STREAM = "unanswered"
LOOKED_AT = 500  # of the newest unanswered questions
SHOWN = 30  # heaps, and pairs
LIKE = 0.75  # cosine of questions in a heap with its middle
SAME_QUESTION, SAME_ANSWER = 0.9, 0.85  # cosines from which two count as nearly the same
SHARED = 0.3  # of the pairs of characters of two unspaced texts
ROWS = 512  # of the matrix of cosines at once
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
NOT = re.compile(r"\b(no|not|never|cannot|\w+n't|without)\b|不|没|无|非|未", re.IGNORECASE)


@dataclass(frozen=True)
class Heap:
    """Unanswered questions that ask nearly the same.

    Attributes:
        id: stays the same while its middle does.
        middle: the text nearest to all others.
        texts: all of them, the newest first, each once.
        count: how often it was asked.
        last: seconds since 1970.
    """

    id: str
    middle: str
    texts: Sequence[str]
    count: int
    last: float


@dataclass(frozen=True)
class Pair:
    """Two known questions that ask nearly the same.

    Attributes:
        likeness: cosine of the questions.
        same: whether the answers say the same too: then one is too many.
    """

    one: Faq
    other: Faq
    likeness: float
    same: bool


class Review:
    """Looks at a base and at what was asked.

    Args:
        queries: has the model read what is asked.
        found: searches the base.
        least: gives the probability from which that answers a text.
    """

    def __init__(
        self,
        events: EventLog,
        knowledge: KnowledgeBase,
        queries: Callable[[Sequence[str]], Sequence[Query]],
        found: Callable[[Query], Found],
        least: Callable[[str], float],
    ):
        self._events, self._knowledge = events, knowledge
        self._queries, self._found, self._least = queries, found, least
        self._read: dict[str, Query] = {}

    def heaps(self) -> list[Heap]:
        """List what is asked and not answered, the most frequent first; not what is by now."""
        asked = [one for one in self._events.latest(STREAM, LOOKED_AT) if one.content]
        texts = list(dict.fromkeys(one.content["text"] for one in asked))
        if not texts:
            return []
        self._read_new(texts)
        vectors = np.stack([self._read[text].vector for text in texts])
        like = (vectors @ vectors.T >= LIKE) & in_words(texts)
        found = [_heap([texts[place] for place in places], asked) for places in heaped(like)]
        found.sort(key=lambda heap: (-heap.count, -heap.last))
        return [heap for heap in found[: 2 * SHOWN] if not self._answered(heap)][:SHOWN]

    def pairs(self) -> list[Pair]:
        """List known questions that are nearly the same, the likest first."""
        index, kept = self._knowledge.index, self._knowledge.both_right
        faqs = [faq for faq in index.faqs if faq.question and faq.holds(time.time())]
        if len(faqs) < 2:
            return []
        questions = index.vectors([faq.question for faq in faqs], faqs)
        alike = [
            (likeness, faqs[one], faqs[other])
            for likeness, one, other in near(questions, SAME_QUESTION)
            if frozenset((faqs[one].id, faqs[other].id)) not in kept
            and in_words([faqs[one].question, faqs[other].question]).all()
        ]
        alike.sort(key=lambda found: -found[0])
        return [_pair(index, *found) for found in alike[:SHOWN]]

    def forget(self) -> None:
        """Forget the texts that were looked at: somebody wrote them."""
        self._read = {}

    def _answered(self, heap: Heap) -> bool:
        return self._found(self._read[heap.middle]).probability >= self._least(heap.middle)

    def _read_new(self, texts: Sequence[str]) -> None:
        """Have the model read what it has not read before; forget what is no longer looked at."""
        new = [text for text in texts if text not in self._read]
        self._read = {text: self._read[text] for text in texts if text in self._read}
        if new:
            self._read |= dict(zip(new, self._queries(new), strict=True))


def heaped(like: np.ndarray) -> list[list[int]]:
    """Gather what is alike, bool [n, n], into heaps around middles, the largest first.

    A heap's first place is its middle. Who is like the most others begins (leader clustering).

    >>> heaped(np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]], bool))
    [[2, 0, 3], [1]]
    """
    left = np.ones(len(like), bool)
    heaps = []
    while left.any():
        middle = int(np.argmax(np.where(left, (like & left).sum(-1), -1)))
        members = np.flatnonzero(like[middle] & left)
        heaps.append([middle, *(int(one) for one in members if one != middle)])
        left[members] = False
        left[middle] = False
    return heaps


def in_words(texts: Sequence[str]) -> np.ndarray:
    """Say which texts may be alike by their words, bool [n, n]: all pairs, unless unspaced ones.

    An encoder that cannot read Chinese takes all of it for alike.

    >>> in_words(["运费怎么算", "修车多少钱", "运费怎么算呢"]).astype(int).tolist()
    [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    """
    may = np.ones((len(texts), len(texts)), bool)
    pairs = {place: set(words(text)) for place, text in enumerate(texts) if UNSPACED.search(text)}
    for one, other in itertools.combinations(pairs, 2):
        both = len(pairs[one] & pairs[other])
        may[one, other] = may[other, one] = both >= SHARED * len(pairs[one] | pairs[other])
    return may


def near(vectors: np.ndarray, least: float) -> list[tuple[float, int, int]]:
    """List pairs of vectors of length 1 with a cosine of at least this: (cosine, one, other).

    >>> near(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), 0.9)
    [(1.0, 1, 2)]
    """
    found = []
    for start in range(0, len(vectors), ROWS):
        cosines = vectors[start : start + ROWS] @ vectors.T
        for row, other in zip(*np.nonzero(cosines >= least), strict=True):
            if start + row < other:
                found.append((float(cosines[row, other]), int(start + row), int(other)))
    return found


def says_other(one: str, other: str) -> bool:
    """Say whether two texts differ in their numbers, or in whether they say no.

    >>> says_other("It takes 5 days.", "It takes 5 days"), says_other("You can.", "You cannot.")
    (False, True)
    """
    numbers = [sorted(NUMBER.findall(text)) for text in (one, other)]
    noes = [len(NOT.findall(text)) > 0 for text in (one, other)]
    return numbers[0] != numbers[1] or noes[0] != noes[1]


def _heap(texts: Sequence[str], asked: Sequence[Event]) -> Heap:
    own = set(texts)
    events = [one for one in asked if one.content["text"] in own]
    name = hashlib.blake2b(texts[0].encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return Heap(name, texts[0], texts, len(events), max(one.happened for one in events))


def _pair(index: Index, likeness: float, one: Faq, other: Faq) -> Pair:
    first, second = index.vectors([one.answer, other.answer], [one, other])
    same = float(first @ second) >= SAME_ANSWER and not says_other(one.answer, other.answer)
    return Pair(one, other, likeness, same)


def unanswered(key: str, now: float, text: str, talk: str, person: str) -> Event:
    """Make the event of a question that had no answer."""
    return Event(STREAM, f"{talk} {key}", now, {"text": text, "talk": talk}, person)


def draft_id(question: str, known: Container[str]) -> str:
    """Make up an id for a question, of its words; Chinese ones are told apart by a hash.

    >>> draft_id("Where is my card?", []), draft_id("Where is my card?", ["where-is-my-card"])
    ('where-is-my-card', 'where-is-my-card-2')
    """
    words = re.findall(r"[a-z0-9]+", question.lower())[:6]
    digest = hashlib.blake2b(question.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    base = "-".join(words)[:60] or f"question-{digest}"
    name, number = base, 2
    while name in known:
        name, number = f"{base}-{number}", number + 1
    return name
