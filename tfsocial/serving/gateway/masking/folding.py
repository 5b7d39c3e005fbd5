"""The text as the rules read it: one form of each digit, hyphen and space, and nothing hidden.

Full-width forms, the decimal digits of all scripts, hyphens and spaces become ASCII, one character
for one; characters that do not show are left out. Where each character stood is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tfsocial.serving.gateway.masking.spans import Place

# Stands for what is masked: no rule's characters, so nothing is found across it. From the private
# use area; a text that has it itself has a wall there, which hides no number that stands beside.
WALL = "\ue000"

HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63"
SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
DOTS = "\u2022\u2027\u2219\u30fb\u22c5"
HIDDEN = (
    "\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u20e3"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f"
)


class Folded(NamedTuple):
    """A text as the rules read it, and where each of its characters stands in the original."""

    text: str
    places: Sequence[int]

    def original(self, place: Place) -> Place:
        """Give the place in the original; its hidden characters inside are within."""
        start, end = place
        return self.places[start], self.places[end - 1] + 1


def fold(text: str) -> Folded:
    """Bring a text into the one form that rules read.

    >>> fold("１３８\\u200b０").text, list(fold("１３８\\u200b０").places)
    ('1380', [0, 1, 2, 4])
    """
    if text.isascii():
        return Folded(text, range(len(text)))
    folded = text.translate(_TABLE)
    if len(folded) == len(text):
        return Folded(folded, range(len(text)))
    return Folded(folded, [place for place, sign in enumerate(text) if _TABLE.get(ord(sign), sign)])


def wall_off(text: str, places: Sequence[Place]) -> str:
    """Put walls, as long as what they hide, in place of some parts, which are in order.

    >>> wall_off("abcdef", [(1, 3)]) == "a" + 2 * WALL + "def"
    True
    """
    parts, done = [], 0
    for start, end in places:
        parts += [text[done:start], WALL * (end - start)]
        done = end
    return "".join([*parts, text[done:]])


def _signs(ranges: str) -> Iterator[int]:
    for match in re.finditer(r"(.)-(.)|(.)", ranges, re.DOTALL):
        first, last = match[1] or match[3], match[2] or match[3]
        yield from range(ord(first), ord(last) + 1)


def _digits() -> Iterator[tuple[int, str]]:
    for code in range(0x660, 0x20000):  # from Arabic-Indic on; no script beyond has digits
        if (digit := unicodedata.decimal(chr(code), None)) is not None:
            yield code, str(digit)


_TABLE: dict[int, str] = {
    # But for the colon, which ends what stands before a value and is no part of an IPv6 address.
    **{code: chr(code - 0xFEE0) for code in _signs("\uff01-\uff19\uff1b-\uff5e")},
    **dict(_digits()),
    **dict.fromkeys(_signs(HYPHENS), "-"),
    **dict.fromkeys(_signs(SPACES), " "),
    **dict.fromkeys(_signs(DOTS), "·"),
    **dict.fromkeys(_signs(HIDDEN), ""),
}
