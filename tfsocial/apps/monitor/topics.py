"""What a text is about: what its message says, words that stand in it, or the model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tfsocial.apps.monitor.scripts import is_unspaced
from tfsocial.apps.sources.tables import rows_of
from tfsocial.errors import InputError

TASK = "topic"  # of a model, whose labels are topics
LONGEST = 150  # characters of a topic
MOST = 20  # topics of a text


class Topics(Protocol):
    """Tells what texts are about."""

    def __call__(self, content: Mapping[str, Any], said: Sequence[str]) -> Sequence[str]:
        """Give the topics of a message.

        Args:
            content: of the event; its text stands under `text`.
            said: topics by the model.
        """
        ...


@dataclass(frozen=True)
class ByField:
    """Topics that messages bring along.

    Attributes:
        name: of the member that is a topic, or a list of some.
    """

    name: str = "topic"

    def __call__(self, content: Mapping[str, Any], said: Sequence[str]) -> Sequence[str]:
        found = content.get(self.name)
        values = found if isinstance(found, list) else [found]
        return _distinct(value for value in values if isinstance(value, str))


@dataclass(frozen=True)
class ByModel:
    """Topics that the model tells."""

    def __call__(self, content: Mapping[str, Any], said: Sequence[str]) -> Sequence[str]:
        return _distinct(said)


class ByWords:
    """Topics by words that stand in a text.

    Args:
        words: topic -> words; a word of letters and digits must stand alone, $AAPL is found in
            "$AAPL, $FB" and not in "$AAPLX", and one in a script without spaces anywhere.

    >>> topics = ByWords({"apple": ["$AAPL", "Apple"], "bank": ["银行"]})
    >>> topics({"text": "Apples, and $aapl; 中国银行"}, ())
    ['apple', 'bank']
    """

    def __init__(self, words: Mapping[str, Sequence[str]]):
        self._patterns = {topic: _pattern(some) for topic, some in words.items()}

    def __call__(self, content: Mapping[str, Any], said: Sequence[str]) -> Sequence[str]:
        text = _folded(str(content.get("text", "")))
        return _distinct(topic for topic, one in self._patterns.items() if one.search(text))


def of_flag(value: str, has_topics: bool) -> Topics:
    """Read --topics.

    Args:
        value: model, field:NAME or words:FILE; empty: the model where it has a task of topics,
            and else the field `topic`.

    Raises:
        InputError: it is none of these, or the file cannot be read.
    """
    kind, _, rest = (value or ("model" if has_topics else "field:topic")).partition(":")
    if kind == "field" and rest:
        return ByField(rest)
    if kind == "words" and rest:
        return ByWords(read_words(Path(rest)))
    if kind != "model" or rest:
        raise InputError(f"--topics={value}: write model, field:NAME or words:FILE.csv")
    if not has_topics:
        raise InputError(
            "--topics=model: the model has one task alone, which is the sentiment; write "
            "field:NAME or words:FILE.csv"
        )
    return ByModel()


def read_words(path: Path) -> dict[str, list[str]]:
    """Read a table of topics: columns topic and words, these with | between them.

    Raises:
        InputError: it cannot be read, or a line of it; names the line.
    """
    found: dict[str, list[str]] = {}
    for where, row in rows_of(path, ("topic", "words")):
        topic = str(row.get("topic", "")).strip()
        words = [word.strip() for word in str(row.get("words", "")).split("|") if word.strip()]
        if not topic or len(topic) > LONGEST:
            raise InputError(f"{where}: topic: write one, of at most {LONGEST} characters")
        if not words:
            raise InputError(f"{where}: words: write some, with | between them")
        if topic in found:
            raise InputError(f"{where}: topic: {topic!r} stands twice; put its words in one line")
        found[topic] = words
    if not found:
        raise InputError(f"{path}: has no lines")
    return found


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(_alone(_folded(word)) for word in words))


def _alone(word: str) -> str:
    """Write what finds a word: not within another one, where its script has spaces."""
    before = "" if is_unspaced(word[0]) else r"(?<!\w)"
    after = "" if is_unspaced(word[-1]) else r"(?!\w)"
    return before + re.escape(word) + after


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _distinct(topics: Any) -> list[str]:
    cut = (topic.strip()[:LONGEST] for topic in topics)
    return list(dict.fromkeys(topic for topic in cut if topic))[:MOST]
