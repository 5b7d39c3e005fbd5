"""Licence plates of China (GA 36-2018), Germany (FZV) and the United Kingdom (since 2001).

Where the form alone is that of order and voucher codes too, a word about cars has to stand near.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking.folding import WALL
from tfsocial.serving.gateway.masking.german_districts import DISTRICTS
from tfsocial.serving.gateway.masking.labels import Labelled
from tfsocial.serving.gateway.masking.spans import Place

_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
# Neither I nor O; with a letter first or last it is a new-energy vehicle's, one digit longer.
_CHINESE = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Za-hj-np-z][·. -]?"
    r"(?:[A-HJKa-hjk][A-HJ-NP-Za-hj-np-z0-9][0-9]{4}|[0-9]{5}[A-HJKa-hjk]|"
    r"(?=(?:[A-Za-z]*[0-9]){3})[A-HJ-NP-Za-hj-np-z0-9]{5}|"
    r"(?=(?:[A-Za-z]*[0-9]){3})[A-HJ-NP-Za-hj-np-z0-9]{4}[挂学警港澳])(?![0-9A-Za-z])"
)
_GERMAN = re.compile(
    r"(?<![0-9A-Za-zÄÖÜ-])([A-ZÄÖÜ]{1,3})-[A-Z]{1,2}[ -]?[1-9][0-9]{1,3}[EH]?(?![0-9A-Za-z-])"
)
# Neither I, Q nor Z; the digits are the half-year: 02 to 29, or with 50 more in autumn.
_BRITISH = re.compile(
    r"(?<![0-9A-Za-z-])(?:[A-HJ-PR-Y]{2}(?:0[2-9]|[12][0-9]|5[1-9]|[67][0-9])( ?)[A-HJ-PR-Z]{3}"
    r"|[a-hj-pr-y]{2}(?:0[2-9]|[12][0-9]|5[1-9]|[67][0-9])[a-hj-pr-z]{3})(?![0-9A-Za-z-])"
)
_ABOUT_CARS = re.compile(
    r"(?<![a-z])(?:cars?|vans?|vehicles?|trucks?|taxis?|plates?|reg|registration|parked|parking|"
    r"towed|dvla|mot|driver|fahrzeug|auto|kennzeichen|wagen)(?![a-z])|车",
    re.IGNORECASE,
)
_PRODUCT = re.compile(
    r"(?<![a-z])(?:model|part|sku|version|code|voucher|order|ref|item|product)"
    r"(?: no\.?| number)?:? \Z",
    re.IGNORECASE,
)
_WINDOW = 60
_ANY = Labelled(
    ("plate", "plates", "kennzeichen", "车牌", "reg", "registration"),
    "(?:[A-ZÄÖÜ]{1,3}[ -]?[A-Z]{0,2}[ -]?[0-9]{2,4}[ -]?[A-Z]{0,3}|[0-9][A-Z]{3}[0-9]{3})",
)

needs = re.compile(r"[A-Za-z][ -]?[0-9]|[0-9][ -]?[A-Za-z]|[A-Z·.][0-9]").search


def find(text: str) -> Iterator[Place]:
    """Find licence plates, country by country.

    >>> text = "京A·12345, B-AB 1234, AB12 CDE"
    >>> [text[start:end] for start, end in find(text)]
    ['京A·12345', 'B-AB 1234', 'AB12 CDE']
    """
    yield from (match.span() for match in _CHINESE.finditer(text))
    for match in _GERMAN.finditer(text):
        if match[1] in DISTRICTS and len(re.sub("[ -]", "", match.group())) <= 8:
            yield match.span()
    for match in _BRITISH.finditer(text):
        if _is_about_cars(text, match) or (match[1] and not _is_product(text, match)):
            yield match.span()
    yield from (match.span("value") for match in _ANY.find(text))


def _is_about_cars(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - _WINDOW) : match.start()].rpartition(WALL)[2]
    after = text[match.end() : match.end() + _WINDOW].partition(WALL)[0]
    return bool(_ABOUT_CARS.search(before) or _ABOUT_CARS.search(after))


def _is_product(text: str, match: re.Match[str]) -> bool:
    return bool(_PRODUCT.search(text[max(0, match.start() - 20) : match.start()]))
