"""Where personal data stands, the rule that finds a kind of it, and which of two that overlap."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

Place = tuple[int, int]  # start, and end, which is the first character that is outside


class Span(NamedTuple):
    """Personal data of a kind, at text[start:end]."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Rule:
    """How a kind of personal data is found.

    Args:
        find: gives the places in a folded text, in order.
        needs: is true of each text that `find` finds something in; it is the cheaper of the two.
        certainty: 3: a prefix, a label or a frame that nothing else has; 2: check digits or a
            grammar; 1: a shape. A less certain rule sees only what the more certain ones left.
    """

    find: Callable[[str], Iterable[Place]]
    needs: Callable[[str], object]
    certainty: int


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """Keep of spans that overlap the longer one, of two as long the one that is given first.

    >>> without_overlaps([Span(0, 9, "A"), Span(6, 8, "B"), Span(9, 12, "B")])
    [Span(start=0, end=9, kind='A'), Span(start=9, end=12, kind='B')]
    """
    taken: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start - span.end):
        place = bisect(taken, span)
        after_last = not place or taken[place - 1].end <= span.start
        if after_last and (place == len(taken) or span.end <= taken[place].start):
            taken.insert(place, span)
    return taken
