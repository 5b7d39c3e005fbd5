"""Words that say what stands after them, as "passport number is" or 护照号码."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

_JOINTS = (
    r"[ \t]|[:：=#,(]|'s|numbers?|num|no\.?|nr\.?|nummer|num[eé]ro|n[°º]|ids?|"
    r"is|was|are|were|my|me|us|at|on|ist|est|es|är|号码?|號碼?|是|为|叫"
)
# At most eight, so that a label reaches no further than its own number.
JOINTS = rf"(?:{_JOINTS}){{0,8}}+"
NO_WORD_BEFORE = "(?<![0-9A-Za-z])"
NO_WORD_AFTER = "(?![0-9A-Za-z])"


@dataclass(frozen=True)
class Labelled:
    """A value that words before it make certain.

    Args:
        words: in small letters; found in any.
        value: a pattern of what may stand after them, in the case that it is written in.

    >>> label = Labelled(("passport",), "[A-Z]{2}[0-9]{4}")
    >>> [match["value"] for match in label.find("Passport no. AB1234")]
    ['AB1234']
    """

    words: tuple[str, ...]
    value: str

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """Find labels with a value, the group `value` of each match."""
        lowered = text.lower()
        if any(word in lowered for word in self.words):  # far cheaper than the pattern
            yield from self._pattern.finditer(text)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = "|".join(map(re.escape, sorted(self.words, key=len, reverse=True)))
        return re.compile(
            rf"{NO_WORD_BEFORE}(?i:(?:{words}){JOINTS})(?P<value>{self.value}){NO_WORD_AFTER}"
        )
