"""WordNet, through the optional package nltk; its data must lie on this machine.

Miller (1995), WordNet: A Lexical Database for English, Communications of the ACM 38 (11).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from tfsocial.config import ConfigError

PACKAGE, DATA = "nltk", "corpora/wordnet"


def check() -> None:
    """Whether WordNet can be asked.

    Raises:
        ConfigError: the package or its data are missing.
    """
    _reader()


def synonyms(words: Iterable[str]) -> dict[str, list[str]]:
    """Word -> the other lemmas of its synsets, in their order; only words that have some."""
    reader = _reader()
    found = {word: _lemmas(reader, word) for word in words}
    return {word: lemmas for word, lemmas in found.items() if lemmas}


def _lemmas(reader: Any, word: str) -> list[str]:
    lemmas = [
        lemma.replace("_", " ") for synset in reader.synsets(word) for lemma in synset.lemma_names()
    ]
    return [lemma for lemma in dict.fromkeys(lemmas) if lemma.lower() != word]


def _reader() -> Any:
    package = _package()
    try:
        package.data.find(DATA)
    except LookupError:
        try:
            package.data.find(f"{DATA}.zip")
        except LookupError:
            raise ConfigError(
                "source: wordnet finds no WordNet data on this machine; "
                "python -m nltk.downloader wordnet fetches it"
            ) from None
    return package.corpus.wordnet


def _package() -> ModuleType:
    try:
        return importlib.import_module(PACKAGE)
    except ImportError:
        raise ConfigError(
            "source: wordnet needs the package nltk, which is not installed; "
            'pip install "tfsocial[wordnet]", or give table: FILE.tsv'
        ) from None
