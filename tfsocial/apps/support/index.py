"""How near each known question is to what is asked, told by six parts that do not agree.

* `question`: the nearest of its questions, by the encoder's vectors;
* `answers`: the mean of its answers' vectors, which says what they have in common;
* `passage`: the nearest of its answers, and of their sentences;
* `words`: BM25 over questions and answers, as a share of what the query's words could give;
* `intent`: what the model's classifier gives to its label;
* `phrasing`: whether its questions are phrased so, by their n-grams.

`has` says which of them a question can have: a document has no question, not each has a label, and
few are phrased in enough ways.
An index never changes; a new one takes over the vectors of texts that it has already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.phrasing import Phrasing
from tfsocial.apps.support.records import Read
from tfsocial.apps.support.spelling import Spelling
from tfsocial.apps.support.words import BM25, WORD, folded, joined, sentences, words

PARTS = ("question", "answers", "passage", "words", "intent", "phrasing")
FEW, FIRST = 2_000, 256  # questions: above the first only of so many are passages read
Encode = Callable[[Sequence[str]], np.ndarray]  # n texts -> [n, d], of length 1


@dataclass(frozen=True)
class Query:
    """What is asked.

    Attributes:
        text: as it came.
        vector: [d], of length 1.
        intents: label -> probability, from the classifier; empty: there is none.
        corrected: the same without what looks mistyped; None: nothing does.
    """

    text: str
    vector: np.ndarray
    intents: Mapping[str, float]
    corrected: Query | None = None


def read_queries(
    texts: Sequence[str],
    read: Callable[[Sequence[str]], Read],
    spelling: Spelling,
) -> list[Query]:
    """Have the model read what is asked, as it is and corrected.

    Args:
        read: gives vectors and intents of texts.
        spelling: of the base that is to be searched.
    """
    corrected = [spelling.corrected(text) for text in texts]
    distinct = list(dict.fromkeys([*texts, *corrected]))
    found = read(distinct)
    one = {
        text: Query(text, vector, intents)
        for text, vector, intents in zip(distinct, found.vectors, found.intents, strict=True)
    }
    return [
        one[text] if text == other else replace(one[text], corrected=one[other])
        for text, other in zip(texts, corrected, strict=True)
    ]


@dataclass(frozen=True)
class _Known:
    """What is derived from one question, once.

    Attributes:
        texts: its questions, and then what its answers are found by.
        questions: [q, d].
        passages: [p, d].
        mean: [d], of its answers, of length 1.
        words: how often each is in it.
    """

    texts: Sequence[str]
    questions: np.ndarray
    passages: np.ndarray
    mean: np.ndarray
    words: Counter[str]


class Index:
    """Questions that are known, ready to be searched.

    Args:
        encode: gives vectors; asked only for texts that `before` does not have.
    """

    def __init__(self, faqs: Sequence[Faq], encode: Encode, before: Index | None = None):
        self.faqs = tuple(faqs)
        self._known = _known(self.faqs, encode, before)
        known = [self._known[faq] for faq in self.faqs]
        self._questions = _Rows([one.questions for one in known])
        self._passages = _Rows([one.passages for one in known])
        self._answers = np.array([one.mean for one in known], np.float32)
        self._words = BM25(one.words for one in known)
        self.spelling = Spelling(one.words for one in known)
        self._exact = _exact(self.faqs)
        self._labelled: dict[str, list[int]] = {}
        for place, faq in enumerate(self.faqs):
            if faq.intent:
                self._labelled.setdefault(faq.intent, []).append(place)
        self._phrasing = _phrasing(self.faqs, before)
        self._times = np.array([(faq.since, faq.until or np.inf) for faq in faqs]).reshape(-1, 2)
        phrased = self._phrasing.has.tolist()
        self.has = np.array(
            [
                (bool(faq.questions), True, True, True, bool(faq.intent), so)
                for faq, so in zip(self.faqs, phrased, strict=True)
            ],
            bool,
        ).reshape(-1, len(PARTS))

    def __len__(self) -> int:
        return len(self.faqs)

    def holds(self, now: float) -> np.ndarray:
        """Say which questions are valid at a time, bool [n]."""
        return (self._times[:, 0] <= now) & (now < self._times[:, 1])

    def exact(self, text: str) -> int | None:
        """Give the place of the only question that is asked in just these words, if there is one.

        Case, punctuation and spaces aside.
        """
        return self._exact.get(_plain(text))

    def vectors(self, texts: Sequence[str], faqs: Sequence[Faq]) -> np.ndarray:
        """Give the vectors of texts that stand in these questions, one in each, [n, d]."""
        found = []
        for text, faq in zip(texts, faqs, strict=True):
            known = self._known[faq]
            rows = np.concatenate([known.questions, known.passages])
            found.append(rows[known.texts.index(text)])
        return np.stack(found)

    def parts(self, query: Query) -> np.ndarray:
        """Score all questions by each part, [n, 6]; 1 is as good as it gets, 0 is nothing.

        Of a query and its corrected form the better one counts. Of more than 2,000 questions the
        passages are read of those alone that another part has among its first 256; of the others
        `passage` is what `answers` is.
        """
        if not self.faqs:
            return np.zeros((0, len(PARTS)), np.float32)
        if query.corrected is not None:
            as_it_is = replace(query, corrected=None)
            return np.maximum(self.parts(as_it_is), self.parts(query.corrected))
        parts = np.zeros((len(self.faqs), len(PARTS)), np.float32)
        parts[:, 0] = self._questions.nearest(query.vector)
        parts[:, 1] = np.maximum(self._answers @ query.vector, 0.0)
        parts[:, 3] = self._words.scores(query.text) / max(self._words.most(query.text), 1e-6)
        for label, probability in query.intents.items():
            parts[self._labelled.get(label, []), 4] = probability
        parts[:, 5] = self._phrasing.scores(query.text)
        if len(self.faqs) <= FEW:
            parts[:, 2] = self._passages.nearest(query.vector)
        else:
            near = np.unique(np.argpartition(-parts[:, [0, 1, 3]], FIRST, axis=0)[:FIRST])
            parts[:, 2] = parts[:, 1]
            parts[near, 2] = self._passages.nearest(query.vector, near)
        return parts


class _Rows:
    """Vectors of texts, of each question some, in the order of the questions."""

    def __init__(self, of_each: Sequence[np.ndarray]):
        counts = np.array([len(rows) for rows in of_each], np.int64)
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        some = [rows for rows in of_each if len(rows)]
        self._rows = np.concatenate(some) if some else np.zeros((0, 0), np.float32)

    def nearest(self, vector: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """Give the largest cosine of each question's texts, from 0 on; 0 where it has none.

        Args:
            places: of the questions that are looked at; None: all, [n].
        """
        starts, ends, rows = self._starts, self._ends, self._rows
        if places is not None:
            counts, first = (ends - starts)[places], starts[places]
            ends = np.cumsum(counts)
            starts = ends - counts
            rows = rows[np.arange(counts.sum()) + np.repeat(first - starts, counts)]
        found = np.zeros(len(starts), np.float32)
        there = ends > starts
        if there.any():
            cosines = rows @ vector
            found[there] = np.maximum(np.maximum.reduceat(cosines, starts[there]), 0.0)
        return found


def _known(faqs: Sequence[Faq], encode: Encode, before: Index | None) -> dict[Faq, _Known]:
    """Derive what is needed of each question; what was known before is taken over."""
    old = before._known if before else {}
    new = [faq for faq in faqs if faq not in old]
    # Of a question that was changed most texts are the same.
    ids = {faq.id for faq in new}
    vectors = {
        text: row
        for faq, known in old.items()
        if faq.id in ids
        for text, row in zip(known.texts, [*known.questions, *known.passages], strict=True)
    }
    texts = {faq: (list(faq.questions), _passages(faq)) for faq in new}
    needed = dict.fromkeys(text for both in texts.values() for one in both for text in one)
    if missing := [text for text in needed if text not in vectors]:
        vectors |= dict(zip(missing, encode(missing), strict=True))
    found = {faq: old[faq] for faq in faqs if faq in old}
    for faq, (asked, answering) in texts.items():
        rows = [np.array([vectors[text] for text in one], np.float32) for one in (asked, answering)]
        mean = np.mean([vectors[text] for text in faq.answers], axis=0)
        found[faq] = _Known(
            [*asked, *answering],
            rows[0] if asked else np.zeros((0, rows[1].shape[1]), np.float32),
            rows[1],
            (mean / max(float(np.linalg.norm(mean)), 1e-6)).astype(np.float32),
            Counter(words(joined([*faq.questions, *faq.answers]))),
        )
    return found


def _phrasing(faqs: Sequence[Faq], before: Index | None) -> Phrasing:
    phrasings = tuple(faq.questions for faq in faqs)
    if before and before._phrasing.phrasings == phrasings:
        return before._phrasing
    return Phrasing(phrasings)


def _exact(faqs: Sequence[Faq]) -> dict[str, int]:
    places: dict[str, set[int]] = {}
    for place, faq in enumerate(faqs):
        for text in faq.questions:
            places.setdefault(_plain(text), set()).add(place)
    return {text: next(iter(own)) for text, own in places.items() if text and len(own) == 1}


def _plain(text: str) -> str:
    return " ".join(WORD.findall(folded(text)))


def passages(answer: str) -> list[str]:
    """Give what an answer is found by: the whole, and its sentences if it has several."""
    cut = [answer[start:end] for start, end in sentences(answer)]
    return [answer, *cut] if len(cut) > 1 else [answer]


def _passages(faq: Faq) -> list[str]:
    return [text for answer in faq.answers for text in passages(answer)]
