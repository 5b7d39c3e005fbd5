"""Mistyped words, put right by the words that the base has.

A word that no stored text has is taken for the nearest one that some has: one change in words of up
to seven letters, two in longer ones, by optimal string alignment (a change is a letter more, less
or other, or two that swapped places).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

from tfsocial.apps.support.words import UNSPACED, folded

REMEMBERED = 10_000  # unknown words whose nearest is known
SHORT, LONG = 4, 8  # letters: below the first nothing is changed, from the second on two may be
WORD = re.compile(r"[^\W\d_]+")


class Spelling:
    """The words of a base.

    Args:
        documents: how often each word is in each text that is stored.

    >>> known = Spelling([{"what": 1, "does": 1, "delivery": 1, "cost": 1}])
    >>> known.corrected("what does delviery cst, and Coast")
    'what does delivery cst, and cost'
    """

    def __init__(self, documents: Iterable[Mapping[str, int]]):
        counted: Counter[str] = Counter()
        for document in documents:
            counted.update(document)
        # The most frequent first: of equally near ones the first is taken.
        self._words = [word for word, _ in counted.most_common() if _may_change(word)]
        self._known = set(self._words)
        self._found: dict[str, str] = {}

    def corrected(self, text: str) -> str:
        """Give a text with the nearest known words in the place of unknown ones."""
        return WORD.sub(lambda match: self._word(match.group()), text)

    def forget(self) -> None:
        """Forget which unknown words there were: somebody wrote them."""
        self._found.clear()

    def _word(self, word: str) -> str:
        plain = folded(word)
        if not _may_change(plain) or plain in self._known:
            return word
        if plain not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[plain] = self._nearest(plain)
        return self._found[plain] or word

    def _nearest(self, word: str) -> str:
        most = 1 if len(word) < LONG else 2
        found = process.extractOne(word, self._words, scorer=OSA.distance, score_cutoff=most)
        return found[0] if found else ""


def _may_change(word: str) -> bool:
    return len(word) >= SHORT and word.isalpha() and not UNSPACED.search(word)
