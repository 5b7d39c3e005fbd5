"""Which known question a text is phrased like: a linear classifier over the base's own phrasings.

N-grams of characters (Cavnar and Trenkle, 1994), weighed by TF-IDF, and one linear support vector
machine a question (Fan and others, LIBLINEAR, 2008). It needs no model, so it also reads scripts
that the encoder does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from tfsocial.apps.support.words import folded

LEAST = 4  # phrasings of a question that is told by them
MOST = 300_000  # texts times questions: about a second of one core
NGRAMS = (1, 3)


class Phrasing:
    """A classifier over the questions that are phrased in four ways or more.

    Nothing is learnt where fewer than two are, or where they are so many that a new one would be
    long in coming; `has` says of which something is.

    Args:
        phrasings: of each question its texts, [n].

    >>> ways = [["my card is late", "late card", "where is it", "it is not here"], ["a loan"]]
    >>> Phrasing([*ways, ["fees", "what fees", "a fee", "the fee"]]).has.tolist()
    [True, False, True]
    """

    def __init__(self, phrasings: Sequence[Sequence[str]]):
        self.phrasings = tuple(map(tuple, phrasings))
        many = [place for place, texts in enumerate(self.phrasings) if len(texts) >= LEAST]
        examples = [(folded(text), place) for place in many for text in self.phrasings[place]]
        learnt = len(many) > 1 and len(examples) * len(many) <= MOST
        self.has = np.zeros(len(self.phrasings), bool)
        self._places = np.array(many, int)
        if learnt:
            self.has[many] = True
            texts, own = zip(*examples, strict=True)
            self._ngrams = TfidfVectorizer(
                analyzer="char_wb", ngram_range=NGRAMS, sublinear_tf=True, dtype=np.float32
            )
            self._svm = LinearSVC(random_state=0).fit(self._ngrams.fit_transform(texts), own)

    def scores(self, text: str) -> np.ndarray:
        """Score all questions, [n]: 1 on the right side of the margin, 0 on the wrong one."""
        found = np.zeros(len(self.phrasings), np.float32)
        if self.has.any():
            margins = self._svm.decision_function(self._ngrams.transform([folded(text)]))[0]
            if len(self._places) == 2:  # one machine tells two apart
                margins = np.array([-margins, margins])
            found[self._places] = np.clip((margins + 1) / 2, 0, 1)
        return found
