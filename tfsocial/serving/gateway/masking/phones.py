"""Phone numbers, as Google's libphonenumber knows each country's (the package `phonenumbers`).

What is a valid number somewhere is often an order's too. So a number without a + counts where
something else says so: words about calling, its country's own grouping, a leading 0, or the form
of a Chinese mobile. Words as "order" or 运单 that stand nearer say the contrary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

from tfsocial.errors import InputError
from tfsocial.serving.gateway.masking.phone_words import Said, is_money, is_said_after, said_before
from tfsocial.serving.gateway.masking.spans import Place

REGIONS = ("US", "GB", "DE", "CN", "FR")
LEAST, MOST = 7, 15  # digits; ITU-T E.164 has at most 15
PREFIXED = MOST + 2  # with 00
WITH_AREA = 9  # or more, of a number that comes from anywhere in its country
# So many parts of a text are looked up. In a longer list all that has the form of a number counts:
# it would cost seconds, and is masked rather than let through.
MOST_LOOKED_UP = 500
_GROUP = "[0-9]{1,20}+(?!(?!x[0-9]|ext)[0-9A-Za-z])"
_RUN = re.compile(
    r"(?i:(?<![0-9A-Za-z])|(?<=tel)|(?<=phone)|(?<=mobile)|(?<=whatsapp))"
    rf"(?:\+ ?|\((?=\+?[0-9 ]{{1,8}}\))\+?)?{_GROUP}(?:[ ./()-]{{1,3}}{_GROUP})*+"
)
_WORD = re.compile(r"\(?[^ /(]+")
_DATE = re.compile(
    r"(?:(?:19|20)[0-9]{2}([-./])[01]?[0-9]\1[0-3]?[0-9]|"
    r"[0-3]?[0-9]([-./])[0-3]?[0-9]\2(?:19|20)?[0-9]{2})(?:[ -].*)?"
)
_MOBILE_IN_CHINA = re.compile("1[3-9][0-9](?:[ -]?[0-9]{4}){2}|1[3-9][0-9]{9}")

_IN_CODE = re.compile("[0-9A-Za-z][-_.]")
_NO_REGION = "ZZ"

needs = re.compile(r"[0-9](?:[ ./()-]{0,3}[0-9]){6}").search


@dataclass(frozen=True)
class Phones:
    """Phone numbers of the whole world with a +, and of some regions without.

    Args:
        regions: by ISO 3166-1 codes.

    Raises:
        InputError: libphonenumber knows no such region.
    """

    regions: tuple[str, ...] = REGIONS

    def __post_init__(self) -> None:
        for region in self.regions:
            if region not in phonenumbers.SUPPORTED_REGIONS:
                raise InputError(f"regions: {region!r} is none; give ISO codes, as US or CN")

    def find(self, text: str) -> Iterator[Place]:
        """Find phone numbers, without extensions.

        >>> list(Phones().find("call (415) 555-0134"))
        [(5, 19)]
        """
        looked_up = count()
        for run in _RUN.finditer(text):
            words = [match.span() for match in _WORD.finditer(text, *run.span())]
            first = 0
            while first < len(words):
                last = self._last_of_number(text, words, first, looked_up)
                if last is None:
                    first += 1
                else:
                    yield words[first][0], words[last][1]
                    first = last + 1

    def _last_of_number(
        self, text: str, words: list[Place], first: int, looked_up: Iterator[int]
    ) -> int | None:
        """The last word of the longest number that begins with a word of a run."""
        lasts = _long_enough(text, words, first)
        if not lasts:
            return None
        start = words[first][0]
        said = said_before(text, start)
        ends = [(last, words[last][1]) for last in lasts]
        ways = [(last, end, _leniencies(text, start, end, said)) for last, end in ends]
        for leniency in (Leniency.STRICT_GROUPING, Leniency.VALID, Leniency.POSSIBLE):
            for last, end, leniencies in ways:
                if leniency in leniencies and (
                    next(looked_up) >= MOST_LOOKED_UP or self._is_number(text[start:end], leniency)
                ):
                    return last
        return None

    def _is_number(self, written: str, leniency: int) -> bool:
        if "+" in written:  # is the same in all regions
            return _is_number_in(_NO_REGION, written, leniency)
        is_mobile = _MOBILE_IN_CHINA.fullmatch(written)
        regions = sorted(self.regions, key="CN".__ne__) if is_mobile else self.regions
        return any(_is_number_in(region, written, leniency) for region in regions)


def _long_enough(text: str, words: list[Place], first: int) -> list[int]:
    """The words that a number from a word on can end with, the farthest first."""
    lasts, digits = [], 0
    for last in range(first, len(words)):
        digits += sum(map(str.isdigit, text[slice(*words[last])]))
        if digits > PREFIXED:
            break
        if digits >= LEAST:
            lasts.append(last)
    return lasts[::-1]


def _leniencies(text: str, start: int, end: int, said: Said) -> tuple[int, ...]:
    """How closely a number is looked at; none: it is no phone's."""
    written = text[start:end]
    if _DATE.fullmatch(written) or is_money(text, start, end):
        return ()
    if "+" in written or (said.kind == "call" and said.is_next):
        return Leniency.VALID, Leniency.POSSIBLE  # of ranges that libphonenumber does not know yet
    if said.kind == "other" or _IN_CODE.search(text, max(0, start - 2), start):
        return ()
    is_said = said.kind == "call" or (said.kind == "may_call" and said.is_next)
    if is_said or _MOBILE_IN_CHINA.fullmatch(written) or is_said_after(text, end):
        return (Leniency.VALID,)
    if sum(map(str.isdigit, written)) < WITH_AREA:
        return ()
    if not written.isdigit():
        return (Leniency.STRICT_GROUPING,)
    return (Leniency.VALID,) if written.startswith("0") else ()


def _is_number_in(region: str, written: str, leniency: int) -> bool:
    try:
        number = phonenumbers.parse(written, region)
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_possible_number(number):  # far cheaper than the matcher
        return False
    if leniency != Leniency.POSSIBLE and not phonenumbers.is_valid_number(number):
        return False
    matches = PhoneNumberMatcher(written, region, leniency)
    return any(match.start == 0 and match.end == len(written) for match in matches)
