"""WordNet, through the optional package nltk; its data must lie on this machine.

Miller (1995), WordNet: A Lexical Database for English, Communications of the ACM 38 (11).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from tfsocial.errors import InputError

PACKAGE, DATA = "nltk", "corpora/wordnet"


def check() -> None:
    """Check that WordNet can be asked.

    Raises:
        InputError: the package or its data are missing.
    """
    _reader()


def synonyms(words: Iterable[str]) -> dict[str, list[str]]:
    """Look up word -> the other lemmas of its most frequent sense; only words that have some.

    EDA (arXiv:1901.11196) draws from all senses: rare ones are wrong more often than not, and some
    no business would send ("know" in the biblical sense). Stop words have no synonyms, as in EDA:
    WordNet knows "am" as a degree and "i" as iodine. Nor do names stand for words, so lemmas with a
    capital are left out, and inflected words stay, since lemmas are not inflected.
    """
    reader = _reader()
    lemmas_of = {word: _lemmas(reader, word) for word in words if word not in ENGLISH_STOP_WORDS}
    return {word: lemmas for word, lemmas in lemmas_of.items() if lemmas}


def _lemmas(reader: Any, word: str) -> list[str]:
    meanings = reader.lemmas(word)
    if not meanings:
        return []
    sense = max(meanings, key=lambda lemma: lemma.count()).synset()
    lemmas = [lemma.replace("_", " ") for lemma in sense.lemma_names()]
    return [lemma for lemma in lemmas if lemma.islower() and lemma != word]


def _reader() -> Any:
    package = _package()
    try:
        package.data.find(DATA)
    except LookupError:
        try:
            package.data.find(f"{DATA}.zip")
        except LookupError:
            raise InputError(
                "source: wordnet finds no WordNet data on this machine; "
                "python -m nltk.downloader wordnet fetches it"
            ) from None
    return package.corpus.wordnet


def _package() -> ModuleType:
    try:
        return importlib.import_module(PACKAGE)
    except ImportError:
        raise InputError(
            "source: wordnet needs the package nltk, which is not installed; "
            "pip install nltk, or give table: FILE.tsv"
        ) from None
