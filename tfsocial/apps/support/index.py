"""How near each known question is to what is asked, told by five parts that do not agree.

* `question`: the nearest of its questions, by the encoder's vectors;
* `answers`: the mean of its answers' vectors, which says what they have in common;
* `passage`: the nearest of its answers, and of their sentences;
* `words`: BM25 over questions and answers, as a share of what the query's words could give;
* `intent`: what the classifier gives to its label.

`has` says which of them a question can have: a document has no question, and not each has a label.
An index never changes; a new one takes over the vectors of texts that it has already.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.words import BM25, joined, sentences

PARTS = ("question", "answers", "passage", "words", "intent")
Encode = Callable[[Sequence[str]], np.ndarray]  # n texts -> [n, d], of length 1


@dataclass(frozen=True)
class Query:
    """What is asked.

    Attributes:
        text: as it came.
        vector: [d], of length 1.
        intents: label -> probability, from the classifier; empty: there is none.
    """

    text: str
    vector: np.ndarray
    intents: Mapping[str, float]


class Index:
    """Questions that are known, ready to be searched.

    Args:
        encode: gives vectors; asked only for texts that `before` does not have.
    """

    def __init__(self, faqs: Sequence[Faq], encode: Encode, before: Index | None = None):
        self.faqs = tuple(faqs)
        asked = [(place, text) for place, faq in enumerate(faqs) for text in faq.questions]
        answering = [
            (place, text)
            for place, faq in enumerate(faqs)
            for answer in faq.answers
            for text in passages(answer)
        ]
        texts = [text for _, text in asked + answering]
        self._vectors: dict[bytes, np.ndarray] = _vectors(
            texts, encode, before._vectors if before else {}
        )
        self._questions = _Rows(asked, self._vectors, len(faqs))
        self._passages = _Rows(answering, self._vectors, len(faqs))
        self._answers = _means(faqs, self._vectors)
        self._words = BM25(joined([*faq.questions, *faq.answers]) for faq in faqs)
        self._intents = [faq.intent for faq in faqs]
        self._exact = _exact(asked)
        self.has = np.array(
            [(bool(faq.questions), True, True, True, bool(faq.intent)) for faq in faqs], bool
        ).reshape(-1, len(PARTS))

    def __len__(self) -> int:
        return len(self.faqs)

    def exact(self, text: str) -> int | None:
        """Give the place of the only question that is asked in just these words, if there is one.

        Case, punctuation and spaces aside.
        """
        return self._exact.get(_plain(text))

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Give the vectors of texts that stand in it, [n, d]."""
        return np.stack([self._vectors[_name(text)] for text in texts])

    def parts(self, query: Query) -> np.ndarray:
        """Score all questions by each part, [n, 5]; 1 is as good as it gets, 0 is nothing."""
        if not self.faqs:
            return np.zeros((0, len(PARTS)), np.float32)
        most = self._words.most(query.text)
        return np.stack(
            [
                self._questions.nearest(query.vector),
                np.maximum(self._answers @ query.vector, 0.0),
                self._passages.nearest(query.vector),
                self._words.scores(query.text) / max(most, 1e-6),
                np.array([query.intents.get(one, 0.0) for one in self._intents], np.float32),
            ],
            axis=-1,
        )


class _Rows:
    """Vectors of texts, each of a question that is known."""

    def __init__(
        self, texts: Sequence[tuple[int, str]], vectors: Mapping[bytes, np.ndarray], count: int
    ):
        self._count = count
        self._of = np.array([place for place, _ in texts], np.int64)
        rows = [vectors[_name(text)] for _, text in texts]
        self._rows = np.stack(rows) if rows else np.zeros((0, 0), np.float32)

    def nearest(self, vector: np.ndarray) -> np.ndarray:
        """Give the largest cosine of each question's texts, [n]; 0 where it has none."""
        found = np.full(self._count, -np.inf, np.float32)
        if len(self._of):
            np.maximum.at(found, self._of, self._rows @ vector)
        return np.where(np.isinf(found), 0.0, np.maximum(found, 0.0)).astype(np.float32)


def _exact(asked: Sequence[tuple[int, str]]) -> dict[str, int]:
    places: dict[str, set[int]] = {}
    for place, text in asked:
        places.setdefault(_plain(text), set()).add(place)
    return {text: next(iter(own)) for text, own in places.items() if text and len(own) == 1}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"[^\W_]+", folded))


def _means(faqs: Sequence[Faq], vectors: Mapping[bytes, np.ndarray]) -> np.ndarray:
    """Give the mean vector of each question's answers, [n, d], of length 1."""
    means = [np.mean([vectors[_name(text)] for text in faq.answers], axis=0) for faq in faqs]
    lengths = [max(float(np.linalg.norm(one)), 1e-6) for one in means]
    scaled = [one / length for one, length in zip(means, lengths, strict=True)]
    return np.array(scaled, np.float32)


def passages(answer: str) -> list[str]:
    """Give what an answer is found by: the whole, and its sentences if it has several."""
    cut = [answer[start:end] for start, end in sentences(answer)]
    return [answer, *cut] if len(cut) > 1 else [answer]


def _vectors(
    texts: Sequence[str], encode: Encode, before: Mapping[bytes, np.ndarray]
) -> dict[bytes, np.ndarray]:
    names = {_name(text): text for text in texts}
    new = [(name, text) for name, text in names.items() if name not in before]
    found = {name: before[name] for name in names if name in before}
    if new:
        vectors = encode([text for _, text in new])
        found.update(zip((name for name, _ in new), vectors, strict=True))
    return found


def _name(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
