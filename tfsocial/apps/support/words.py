"""Ranking by words: Okapi BM25 (Robertson and Zaragoza, 2009), over any script.

What has spaces is cut at them; Chinese, Japanese and Korean are cut into pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

K1, B = 1.2, 0.75
WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")


def folded(text: str) -> str:
    """Write a text so that what looks alike is the same: NFKC, without case."""
    return unicodedata.normalize("NFKC", text).casefold()


def words(text: str) -> list[str]:
    """Cut a text into what is counted.

    >>> words("Don't re-send: 我的卡在哪")
    ['don', 't', 're', 'send', '我的', '的卡', '卡在', '在哪']
    """
    found = []
    for word in WORD.findall(folded(text)):
        start = 0
        for run in UNSPACED.finditer(word):
            found += [word[start : run.start()]] if run.start() > start else []
            characters, start = run.group(), run.end()
            found += [characters[i : i + 2] for i in range(max(1, len(characters) - 1))]
        found += [word[start:]] if start < len(word) else []
    return found


class BM25:
    """Documents by their words.

    Args:
        documents: how often each word is in each.

    >>> ranking = BM25.of(["the card is late", "the card is lost", "rates"])
    >>> int(ranking.scores("lost card").argmax())
    1
    """

    def __init__(self, documents: Iterable[Mapping[str, int]]):
        counted = list(documents)
        lengths = np.array([sum(counts.values()) for counts in counted], np.float32)
        self._count = len(counted)
        average = lengths.mean() if lengths.sum() else 1.0
        norms = K1 * (1 - B + B * lengths / average)
        places: dict[str, tuple[list[int], list[int]]] = {}
        for place, counts in enumerate(counted):
            for word, count in counts.items():
                where, how_often = places.setdefault(word, ([], []))
                where.append(place)
                how_often.append(count)
        # What a word adds to each document that has it is known before any question.
        self._adds: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for word, (where, how_often) in places.items():
            at, times = np.array(where, np.int64), np.array(how_often, np.float32)
            weight = np.log1p((self._count - len(at) + 0.5) / (len(at) + 0.5))
            self._adds[word] = at, weight * times * (K1 + 1) / (times + norms[at])

    @classmethod
    def of(cls, documents: Iterable[str]) -> BM25:
        """Count the words of documents."""
        return cls(Counter(words(document)) for document in documents)

    def scores(self, query: str) -> np.ndarray:
        """Score all documents, [n]; 0 where no word is shared."""
        found = np.zeros(self._count, np.float32)
        for word, times in Counter(words(query)).items():
            if word in self._adds:
                at, adds = self._adds[word]
                found[at] += times * adds
        return found

    def most(self, query: str) -> float:
        """Give the score that a document of the query's own words would have about."""
        known = (self._adds[word][1].max() for word in words(query) if word in self._adds)
        return float(sum(known))


def sentences(text: str) -> list[tuple[int, int]]:
    """Cut a text into sentences: (start, end) of each, white space around them left out.

    >>> text = "Call us. It is v2.1 now!\\n好的。再见"
    >>> [text[start:end] for start, end in sentences(text)]
    ['Call us.', 'It is v2.1 now!', '好的。', '再见']
    """
    found: list[tuple[int, int]] = []
    start = 0
    for end in [*(match.end() for match in ENDS.finditer(text)), len(text)]:
        part = text[start:end]
        if part.strip():
            first = start + len(part) - len(part.lstrip())
            found.append((first, first + len(part.strip())))
        start = end
    return found


ENDS = re.compile(r"""[.!?…]+["'”’)\]]*(?=\s)|[。！？]+["'”’」』）]*|\n+""")


def joined(parts: Sequence[str]) -> str:
    """Put texts into one document."""
    return "\n".join(part for part in parts if part)
