"""Numbers and entities that become placeholders: no model should learn them by heart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import tensorflow as tf
from pydantic import Field

from tfsocial.data.augment import pieces
from tfsocial.data.augment.contract import AugmentContext, Rate, TextOp

NUMBER = r"\p{Nd}+(?:[.,:]\p{Nd}+)*"
# In this order: an address on the web may hold a number, and a mention stands within an e-mail.
PATTERNS = {
    "url": r"(?i)(?:https?://|www\.)[^\s\p{Z}]+",
    "email": r"[\p{L}\p{N}._%+\-]+@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+",
    "mention": r"@[\p{L}\p{N}_]+",
    "hashtag": r"#[\p{L}\p{N}_]+",
    "money": rf"\p{{Sc}} ?{NUMBER}|{NUMBER} ?(?:\p{{Sc}}|USD\b|EUR\b|GBP\b|CNY\b|元)",
    "date": r"\b\p{Nd}{1,4}[./\-]\p{Nd}{1,2}[./\-]\p{Nd}{1,4}\b"
    r"|(?:\p{Nd}{2,4}年)?\p{Nd}{1,2}月\p{Nd}{1,2}[日号]",
}
Kind = Literal["url", "email", "mention", "hashtag", "money", "date", "name"]
_KINDS: tuple[Kind, ...] = ("url", "email", "mention", "hashtag", "money", "date", "name")


@dataclass(frozen=True, repr=False)
class NumberMask(TextOp):
    """Each number becomes the placeholder with this probability: 3,080.50 becomes 0."""

    rate: Rate = 1.0
    placeholder: Annotated[str, Field(min_length=1)] = "0"

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        return _hidden(texts, NUMBER, self.placeholder, context, self.rate, 0)


@dataclass(frozen=True, repr=False)
class EntityMask(TextOp):
    """Each entity becomes the name of its kind with this probability: a@b.org becomes email.

    kinds: url, email, mention, hashtag, money, date, told by their form; and name, one of the
    `names` given, with upper and lower case alike.
    """

    rate: Rate = 1.0
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = _KINDS
    names: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(max_length=2000)] = ()

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        for number, kind in enumerate(_KINDS):
            pattern = one_of(self.names) if kind == "name" else PATTERNS[kind]
            if kind in self.kinds and pattern:
                texts = _hidden(texts, pattern, kind, context, self.rate, number)
        return texts


def one_of(phrases: tuple[str, ...]) -> str:
    """Make a pattern of these phrases, the longest first, whatever their case; not within a word.

    >>> one_of(("Ann", "银行"))
    '(?i:\\\\bAnn\\\\b|银行)'
    """
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return f"(?i:{'|'.join(map(_bounded, longest_first))})" if phrases else ""


def _bounded(phrase: str) -> str:
    """Bound a phrase by word boundaries: RE2's is one of ASCII letters, so only these have it."""
    begins, ends = (r"\b" if re.match(r"[A-Za-z0-9_]", end) else "" for end in (phrase, phrase[-1]))
    return begins + re.escape(phrase) + ends


def _hidden(
    texts: tf.Tensor,
    pattern: str,
    placeholder: str,
    context: AugmentContext,
    rate: Rate,
    branch: int,
) -> tf.Tensor:
    matches = pieces.cut(texts, pattern)
    u = context.stream.branch(branch).at(matches.row, matches.place)
    selected = u < context.rate(rate)
    return pieces.where_any(selected, matches.with_units(selected, placeholder), texts)
