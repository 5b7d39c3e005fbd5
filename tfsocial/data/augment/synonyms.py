"""Words that give way to a synonym: of a table of the user's, or of WordNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from tfsocial.data.augment import pieces, random_stream, wordnet, words
from tfsocial.data.augment.contract import AugmentContext, Rate, TextOp, declared
from tfsocial.data.augment.entities import one_of
from tfsocial.data.augment.lexicon import WordList
from tfsocial.errors import InputError


@dataclass(frozen=True)
class Thesaurus:
    """Words and what may stand for each.

    Attributes:
        words: those that have synonyms, lower case.
        synonyms: of all words one after another.
        first, count: int64 [words], where a word's own begin, and how many there are.
        phrases: the words that are more than one to `pieces.WORD`, as 信用卡 and "credit card".
    """

    words: WordList
    synonyms: tuple[str, ...]
    first: np.ndarray
    count: np.ndarray
    phrases: tuple[str, ...]

    @classmethod
    def of(cls, entries: Mapping[str, Sequence[str]]) -> Thesaurus:
        """Make a thesaurus of word -> synonyms; no word without one."""
        names = tuple(entries)
        count = np.array([len(entries[name]) for name in names], np.int64)
        every = tuple(synonym for name in names for synonym in entries[name])
        return cls(WordList(names), every, np.cumsum(count) - count, count, _phrases(names))

    @property
    def pattern(self) -> str:
        """What to cut texts at: the phrases, else words."""
        return f"{one_of(self.phrases)}|{pieces.WORD}" if self.phrases else pieces.WORD

    def draw(self, units: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Tell whether each word, string [m], has a synonym, bool [m]; draw one by u, [m]."""
        if not self.synonyms:
            return tf.zeros_like(units, tf.bool), units
        place = self.words.index(units)
        count = tf.gather(self.count, tf.maximum(place, 0))
        pick = tf.gather(self.first, tf.maximum(place, 0)) + random_stream.index(u, count)
        return place >= 0, tf.gather(tf.constant(self.synonyms), pick)


@dataclass(frozen=True, repr=False)
class Synonym(TextOp):
    """Each word that has synonyms gives way to one of them with this probability.

    table: a file of lines WORD<TAB>SYNONYM[<TAB>SYNONYM...], relative to data.root; words may be
    phrases, and Chinese. Without a table `source: wordnet` asks WordNet about the words of train
    (English; needs the package nltk and its data on this machine). A capital at the front stays.

    EDA's synonym replacement, arXiv:1901.11196; `choose: tf_idf` keeps words that tell much.
    """

    rate: Rate = 0.1
    table: str | None = None
    source: Literal["table", "wordnet"] = "table"
    choose: words.Choice = "uniform"

    @property
    def needs_lexicon(self) -> bool:
        return self.choose == "tf_idf" or self.source == "wordnet"

    def check(self) -> None:
        """Read what it needs.

        Raises:
            InputError: the table is missing or ill, or there is no WordNet.
        """
        if self.source == "wordnet":
            wordnet.check()
            if self.table:
                raise InputError("table and source: wordnet exclude each other; leave one out")
        else:
            _ = self._of_table

    @cached_property
    def _of_table(self) -> Thesaurus:
        if self.table is None:
            raise InputError("names no table; give table: FILE.tsv, or source: wordnet")
        thesaurus = Thesaurus.of(read_table(Path(self.table)))
        _compile(thesaurus.pattern, self.table)
        return thesaurus

    def _thesaurus(self, context: AugmentContext) -> Thesaurus:
        if self.source == "table":
            return self._of_table
        return Thesaurus.of(wordnet.synonyms(declared(context.lexicon).words.words))

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        thesaurus = self._thesaurus(context)
        matches = pieces.cut(texts, thesaurus.pattern)
        u, which = (context.stream.branch(i).at(matches.row, matches.place) for i in range(2))
        has, synonym = thesaurus.draw(matches.units, which)
        selected = has & (u < words.probability(self.rate, self.choose, matches, context))
        replaced = matches.with_units(selected, _as_capital(matches.units, synonym))
        return pieces.where_any(selected, replaced, texts)


def read_table(path: Path) -> dict[str, list[str]]:
    """Read word, lower case -> its synonyms, of lines WORD<TAB>SYNONYM...; skip empty lines.

    Raises:
        InputError: the file cannot be read, a line has no synonym, or no line has one.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    entries: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        word, *synonyms = [cell.strip() for cell in line.rstrip("\r").split("\t")]
        if not line.strip():
            continue
        if not word or not any(synonyms):
            raise InputError(f"{path}: line {number}: expected WORD<TAB>SYNONYM, found {line!r}")
        entries.setdefault(word.lower(), []).extend(filter(None, synonyms))
    if not entries:
        raise InputError(f"{path}: holds no line WORD<TAB>SYNONYM")
    return entries


def _phrases(names: Sequence[str]) -> tuple[str, ...]:
    with tf.init_scope():
        whole = tf.strings.regex_full_match(tf.constant(names, tf.string), pieces.WORD).numpy()
    return tuple(name for name, alone in zip(names, whole, strict=True) if not alone)


def _compile(pattern: str, table: str) -> None:
    try:
        with tf.init_scope():
            tf.strings.regex_replace([""], pattern, "")
    except tf.errors.InvalidArgumentError:
        raise InputError(
            f"{table}: holds too many phrases for one pattern; leave the rarest out"
        ) from None


def _as_capital(model: tf.Tensor, word: tf.Tensor) -> tf.Tensor:
    """Begin each word with a capital where its model has one."""
    capital = tf.strings.regex_full_match(model, r"(?s)\p{Lu}.*")
    first = tf.strings.substr(word, 0, 1, unit="UTF8_CHAR")
    rest = tf.strings.regex_replace(word, r"^(?s).", "")
    return tf.where(capital, tf.strings.upper(first, encoding="utf-8") + rest, word)
