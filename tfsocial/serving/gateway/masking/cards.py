"""Payment cards: prefix and length of a network (ISO/IEC 7812), and Luhn's check digit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking.check_digits import luhn
from tfsocial.serving.gateway.masking.spans import Place

# First digits from and to, and the numbers of digits a card of theirs can have.
NETWORKS = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("60", "60", (16, 17, 18, 19)),  # Discover, RuPay, and banks in China
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("644", "659", (16, 17, 18, 19)),  # Discover, RuPay
    ("81", "82", (16,)),  # UnionPay, RuPay
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("5018", "5038", (13, 15, 16, 18, 19)),  # Maestro
    ("5893", "5893", (13, 15, 16, 18, 19)),
    ("6304", "6304", (13, 15, 16, 18, 19)),
    ("6759", "6763", (13, 15, 16, 18, 19)),
    ("955", "955", (19,)),  # banks in China before UnionPay
)
MOST = 19
_GROUP_ALONE = "[0-9]{2,19}+(?![0-9])"
_RUN = re.compile(rf"(?<![0-9A-Za-z]){_GROUP_ALONE}(?:[ .-]{_GROUP_ALONE})*+")
_GROUP = re.compile("[0-9]+")

needs = re.compile(r"(?:[0-9][ .-]?){13}").search


def find(text: str) -> Iterator[Place]:
    """Find cards, whole or in groups of at least two digits; of a longer run whole groups.

    >>> list(find("4111 1111 1111 1111 09 27"))
    [(0, 19)]
    """
    for run in _RUN.finditer(text):
        groups = list(_GROUP.finditer(text, *run.span()))
        first = 0
        while first < len(groups):
            last = _card_from(groups, first)
            if last is not None:
                yield groups[first].start(), groups[last].end()
            first = first + 1 if last is None else last + 1


def _card_from(groups: list[re.Match[str]], first: int) -> int | None:
    """The last group of the longest card that begins with a group."""
    digits, found = "", None
    for last in range(first, min(first + MOST // 2, len(groups))):
        digits += groups[last].group()
        if len(digits) > MOST:
            break
        if is_card(digits):
            found = last
    return found


def is_card(digits: str) -> bool:
    """Tell whether digits are a card's number.

    >>> is_card("378282246310005"), is_card("9999999999999995")
    (True, False)
    """
    return len(digits) >= 13 and _has_network(digits) and luhn(digits)


def _has_network(digits: str) -> bool:
    return any(
        first <= digits[: len(first)] <= last and len(digits) in lengths
        for first, last, lengths in NETWORKS
    )
