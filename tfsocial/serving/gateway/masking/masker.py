"""Find and mask personal data in a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from tfsocial.errors import InputError
from tfsocial.serving.gateway.masking.folding import fold, wall_off
from tfsocial.serving.gateway.masking.phones import REGIONS
from tfsocial.serving.gateway.masking.spans import Rule, Span, without_overlaps
from tfsocial.serving.gateway.masking.table import KINDS, may_have, rules

_MASKED = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")


class Masked(NamedTuple):
    """A text whose personal data is masked.

    Args:
        text: with [MAIL] for a mail address, and so on.
        spans: what was masked, in order, by its places in the text as it was.
    """

    text: str
    spans: tuple[Span, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind were masked.

        >>> mask("a@example.com or b@example.com").counts
        {'MAIL': 2}
        """
        return dict(Counter(span.kind for span in self.spans))


def find(text: str, regions: tuple[str, ...] = REGIONS) -> list[Span]:
    """Find personal data, in order and without overlaps.

    More certain rules go first, and others see only what these left; of equally certain ones that
    overlap the longer wins, then that which stands first in the table. What is masked already is a
    wall: nothing is found in it or across it.

    Args:
        regions: whose phone numbers are known without a +, by ISO 3166-1 codes.

    Raises:
        InputError: there is no such region.

    >>> find("mail jo@example.com")
    [Span(start=5, end=19, kind='MAIL')]
    """
    table = rules(regions)
    folded = fold(text)
    if not may_have(folded.text):
        return []
    rest = wall_off(folded.text, [match.span() for match in _MASKED.finditer(folded.text)])
    every: list[Span] = []
    # What is left of a span that lost to another can be one of its own, and what stood beside one
    # can be one beside a wall, so until nothing is found.
    count = -1
    while count < len(every):
        count = len(every)
        for certainty in sorted({rule.certainty for rule in table.values()}, reverse=True):
            while new := _find_by(rest, table, certainty):
                rest = wall_off(rest, [span[:2] for span in new])
                every += new
    return [Span(*folded.original(span[:2]), span.kind) for span in sorted(every)]


def mask(text: str, kinds: Collection[str] = KINDS, regions: tuple[str, ...] = REGIONS) -> Masked:
    """Put [KIND] in place of personal data, so that a reader still knows what stood there.

    A masked text stays as it is when it is masked again.

    Args:
        kinds: what is masked, of KINDS; what another kind wins is not masked as one of these.
        regions: as of `find`.

    Raises:
        InputError: there is no such kind or region.

    >>> mask("call +44 117 496 0123 or mail jo@example.com", ["MAIL"]).text
    'call +44 117 496 0123 or mail [MAIL]'
    """
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise InputError(f"kinds: {unknown[0]!r} is none; there are {', '.join(KINDS)}")
    spans = tuple(span for span in find(text, regions) if span.kind in kinds)
    parts, done = [], 0
    for start, end, kind in spans:
        parts += [text[done:start], f"[{kind}]"]
        done = end
    return Masked("".join([*parts, text[done:]]), spans)


def _find_by(text: str, table: Mapping[str, Rule], certainty: int) -> list[Span]:
    return without_overlaps(
        Span(start, end, kind)
        for kind, rule in table.items()
        if rule.certainty == certainty and rule.needs(text)
        for start, end in rule.find(text)
    )
