"""International bank account numbers (ISO 13616): length by country, and MOD 97-10."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking.check_digits import mod_97
from tfsocial.serving.gateway.masking.spans import Place

# Of each country of SWIFT's IBAN registry the number of letters and digits.
LENGTHS = {
    country: int(length)
    for country, length in re.findall(
        "([A-Z]{2})([0-9]{2})",
        """AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22
        DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21
        HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24
        ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33
        SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30
        """,
    )
}
_START = re.compile(r"(?<![0-9A-Za-z])([A-Za-z]{2}) ?[0-9]{2}(?=[ -]?[0-9A-Za-z])")

needs = _START.search


def find(text: str) -> Iterator[Place]:
    """Find IBANs, in one or in groups.

    >>> list(find("to GB82 WEST 1234 5698 7654 32 please"))
    [(3, 30)]
    """
    done = 0
    for match in _START.finditer(text):
        length = LENGTHS.get(match[1].upper())
        if length is None or match.start() < done:
            continue
        # As many signs as the country's numbers have: words that follow are no part of it.
        number = _signs(length).match(text, match.start())
        if number and _is_iban(number.group()):
            done = number.end()
            yield number.span()


def _signs(length: int) -> re.Pattern[str]:
    return re.compile(rf"[0-9A-Za-z](?:[ -]?[0-9A-Za-z]){{{length - 1}}}(?![0-9A-Za-z])")


def _is_iban(written: str) -> bool:
    number = re.sub("[ -]", "", written).upper()
    return mod_97(number[4:] + number[:4])
