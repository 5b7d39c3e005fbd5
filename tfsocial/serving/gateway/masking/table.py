"""The kinds of personal data, and the rule for each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tfsocial.serving.gateway.masking import (
    cards,
    credentials,
    ibans,
    mail,
    national_ids,
    network,
    phones,
    plates,
)
from tfsocial.serving.gateway.masking.phones import REGIONS, Phones
from tfsocial.serving.gateway.masking.spans import Rule

RULES: Mapping[str, Rule] = {
    "SECRET": Rule(credentials.find, credentials.needs, certainty=3),
    "IBAN": Rule(ibans.find, ibans.needs, certainty=2),
    "ID": Rule(national_ids.find, national_ids.needs, certainty=2),
    "CARD": Rule(cards.find, cards.needs, certainty=2),
    "MAIL": Rule(mail.find, mail.needs, certainty=2),
    "IP": Rule(network.find, network.needs, certainty=2),
    "PLATE": Rule(plates.find, plates.needs, certainty=1),
    "PHONE": Rule(Phones().find, phones.needs, certainty=1),
}
KINDS = tuple(RULES)


def rules(regions: tuple[str, ...]) -> Mapping[str, Rule]:
    """The table, with phone numbers of these regions.

    Raises:
        InputError: there is no such region.
    """
    if regions == REGIONS:
        return RULES
    return {**RULES, "PHONE": Rule(Phones(regions).find, phones.needs, certainty=1)}


_MAY = re.compile("[0-9@]")


def may_have(text: str) -> bool:
    """Tell of most texts in a few microseconds that no rule finds anything in them.

    All has a digit or an @, but for passwords and for mail addresses with [at].
    """
    return bool(_MAY.search(text)) or credentials.needs(text) or mail.needs(text)
