"""Identity numbers of people that a check digit or a label makes certain.

One that chance writes too easily counts after its label alone. Numbers of companies are nobody's
personal data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tfsocial.serving.gateway.masking import national_checks as checks
from tfsocial.serving.gateway.masking.check_digits import luhn, mod_11_10, verhoeff
from tfsocial.serving.gateway.masking.labels import Labelled
from tfsocial.serving.gateway.masking.spans import Place

IsRight = Callable[[str], bool]

# China's begins with the code of a province (GB/T 2260).
_PROVINCE = "(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_SSN = "[0-9]{3}-[0-9]{2}-[0-9]{4}"

ALONE: dict[str, tuple[str, IsRight]] = {
    "China": (
        rf"{_PROVINCE}[0-9]{{4}}(?:[ -]?[0-9]{{4}}){{2}}[ -]?[0-9]{{3}}[0-9Xx]",
        checks.china,
    ),
    "Hong Kong": (r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", checks.hong_kong),
    "Taiwan": ("[A-Z][1289][0-9]{8}", checks.taiwan),
    "South Korea": ("[0-9]{6}-[1-4][0-9]{6}", checks.south_korea),
    "India": ("[2-9][0-9]{3} [0-9]{4} [0-9]{4}(?! [0-9])", verhoeff),
    "USA": (_SSN, checks.united_states),
    "Brazil": (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", checks.brazil),
    "Spain": (
        r"(?:[0-9]{2}\.?[0-9]{3}\.?[0-9]{3}|[XYZ]-?[0-9]{7})-?[A-HJ-NP-TV-Z]",
        checks.spain,
    ),
    "France": (
        "[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?"
        "[0-9]{2}",
        checks.france,
    ),
    "Italy": ("[A-Z]{6}[0-9]{2}[A-EHLMPR-T][0-9]{2}[A-Z][0-9]{3}[A-Z]", checks.italy),
    "Finland": ("[0-3][0-9][01][0-9]{3}[-+A][0-9]{3}[0-9A-FHJ-NPR-Y]", checks.finland),
}


def _any(number: str) -> bool:
    return sum(map(str.isdigit, number)) >= 4


# What is mistyped after a label is somebody's all the same: of these only few need to be right.
LABELLED: dict[str, tuple[Labelled, IsRight]] = {
    "China": (
        Labelled(("身份证", "身份證", "证件"), f"{_PROVINCE}(?:[0-9]{{15}}[0-9Xx]|[0-9]{{13}})"),
        _any,
    ),
    "USA": (Labelled(("ssn", "social security"), "[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}"), _any),
    "United Kingdom": (
        Labelled(
            ("national insurance", "nino", "ni number", "ni:"),
            "[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]",
        ),
        _any,
    ),
    "Germany": (
        Labelled(
            ("steuer-id", "steuerid", "identifikationsnummer", "idnr"),
            "[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        ),
        mod_11_10,
    ),
    "Sweden": (
        Labelled(("personnummer", "personal number"), "[0-9]{6}[-+]?[0-9]{4}"),
        luhn,
    ),
    "Poland": (Labelled(("pesel",), "[0-9]{11}"), checks.poland),
    "Netherlands": (Labelled(("bsn", "burgerservicenummer"), "[0-9]{9}"), checks.netherlands),
    "India": (Labelled(("aadhaar", "aadhar"), "[2-9][0-9]{11}"), verhoeff),
    "passports": (
        Labelled(
            ("passport", "护照", "護照", "passeport", "reisepass", "通行证"),
            "[0-9A-Z](?:-?[0-9A-Z]){5,11}",
        ),
        _any,
    ),
    "licences": (
        Labelled(
            ("driving licence", "driving license", "driver's license", "驾驶证", "驾照"),
            "[0-9A-Z]{6,18}",
        ),
        _any,
    ),
}

_SEPARATORS = re.compile("[^0-9A-Z]")
_ALONE = [
    (re.compile(rf"(?<![0-9A-Za-z-]){form}(?![0-9A-Za-z]|-[0-9A-Za-z])"), is_right)
    for form, is_right in ALONE.values()
]

needs = re.compile(r"(?:[0-9][^0-9\ue000]{0,3}){6}").search


def find(text: str) -> Iterator[Place]:
    """Find identity numbers, those of one country after those of another.

    >>> list(find("ID 11010519491231002X"))
    [(3, 21)]
    """
    for pattern, is_right in _ALONE:
        for match in pattern.finditer(text):
            if is_right(_bare(match.group())):
                yield match.span()
    for labelled, is_right in LABELLED.values():
        for match in labelled.find(text):
            if is_right(_bare(match["value"])):
                yield match.span("value")


def _bare(number: str) -> str:
    return _SEPARATORS.sub("", number.upper())
