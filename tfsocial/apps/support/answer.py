"""An answer put together from stored text: whole sentences, each cited, and slots that are filled.

Nothing is written freely. What is shown is a list of pieces; a piece is a span of a stored answer,
or the value of a slot in one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tfsocial.apps.support.index import Query
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.words import sentences

SHORT = 400  # characters: an answer up to this is shown whole
MOST = 3  # sentences of a longer one
SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")  # as in "Your order {order} is on its way."


@dataclass(frozen=True)
class Piece:
    """A part of an answer.

    Attributes:
        text: as it is shown.
        source: id of the question whose answer it stands in.
        start, end: where in that answer, in characters.
        slot: its name, if the text is a slot's value and not what stands there.
    """

    text: str
    source: str
    start: int
    end: int
    slot: str = ""


@dataclass(frozen=True)
class Answer:
    """What is shown; `whole` if nothing of the stored answer is left out."""

    pieces: tuple[Piece, ...]
    whole: bool

    @property
    def text(self) -> str:
        """Give it as one text; what is not next to each other in the source is on a new line."""
        found, after = "", None
        for piece in self.pieces:
            gap = after is not None and piece.start > after
            found += ("\n" if gap else "") + piece.text
            after = piece.end
        return found


def put_together(
    faq: Faq,
    query: Query,
    encode: Callable[[Sequence[str]], np.ndarray],
    slots: Mapping[str, str] | None = None,
) -> Answer | None:
    """Answer from one stored text: all of it if it is short, or else what is nearest to the query.

    Args:
        slots: values by name.

    Returns:
        None if a slot has no value: then a person has to answer.

    >>> from numpy import ones
    >>> faq = Faq("where", "Where is it?", "Your order {order} is on its way.")
    >>> query = Query("where?", ones(2), {})
    >>> put_together(faq, query, encode=None, slots={"order": "A-17"}).text
    'Your order A-17 is on its way.'
    >>> put_together(faq, query, encode=None)
    """
    spans = chosen(faq.answer, query, encode)
    whole = spans == [(0, len(faq.answer))]
    pieces: list[Piece] = []
    for start, end in spans:
        found = _filled(faq, start, end, slots or {})
        if found is None:
            return None
        pieces += found
    return Answer(tuple(pieces), whole)


def chosen(
    text: str, query: Query, encode: Callable[[Sequence[str]], np.ndarray]
) -> list[tuple[int, int]]:
    """Choose the spans of a stored text that are shown, in its order."""
    cut = sentences(text)
    if len(text) <= SHORT or len(cut) <= MOST:
        return [(0, len(text))]
    near = encode([text[start:end] for start, end in cut]) @ query.vector
    best = sorted(np.argsort(-near, kind="stable")[:MOST])
    return [cut[place] for place in best]


def _filled(faq: Faq, start: int, end: int, slots: Mapping[str, str]) -> list[Piece] | None:
    pieces, at = [], start
    for match in SLOT.finditer(faq.answer, start, end):
        value = slots.get(match.group(1), "").strip()
        if not value:
            return None
        if match.start() > at:
            pieces.append(Piece(faq.answer[at : match.start()], faq.id, at, match.start()))
        pieces.append(Piece(value, faq.id, match.start(), match.end(), match.group(1)))
        at = match.end()
    if at < end:
        pieces.append(Piece(faq.answer[at:end], faq.id, at, end))
    return pieces
