"""Passwords and keys that a word before them says they are: "password: x", 密码是 x.

After a colon any word counts that ends its clause, but for those that are said of passwords; after
"is" or a space one with a digit or a sign in it; after a Chinese label any word in Latin letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking.spans import Place

PASSWORDS = "passwords?|passwd|passphrase|passcode|passwort|contraseña|mot de passe|pwd|pw|pass|pin"
PASSWORDS_IN_CHINESE = "密码|密碼|口令|pin ?码"
KEYS = (
    "(?:secret|private|access|api|auth|account|license|client)[_ -](?:access[_ -])?"
    "(?:key|token|secret)|apikey|token|secret|密钥|秘钥"
)
_SAID_OF_PASSWORDS = """
    address again button change changed correct does empty enter error expired failed field forgot
    forgotten have hello help here hidden incorrect invalid issue locked lost mismatch missing must
    need needed never none null okay password please policy problem protected refused rejected
    required reset sent should still strength that then this unknown update what when where which
    wrong your
"""
NOT_SECRETS = frozenset(_SAID_OF_PASSWORDS.split())
# Of what the label says it is in Chinese: 8-16位, 3次.
_COUNTED = tuple("位个次年月日天分秒元")
_AROUND = "[](){}.,;:?*'\"`"
_VALUE = r"[!#-&(-+\--;=?-~]"  # printable ASCII without quotes, commas, < and >
_LABELLED = re.compile(
    rf"(?i:(?<![a-z])(?:(?P<password>{PASSWORDS})|(?P<key>{KEYS}))(?![a-z])"
    rf"|(?P<chinese>{PASSWORDS_IN_CHINESE}))[\"']?[ \t]{{0,3}}+"
    r"(?P<joint>(?i:[:：=]|is(?![a-z])|was(?![a-z])|是|为|[改换]成了?|[改设置]+为了?)?)[ \t]{0,3}+"
    r"(?:[\"'“‘「](?P<quoted>[^\"'“”‘’「」\n\ue000]{4,64}+)[\"'”’」]"
    rf"|[\"'“‘「]?(?P<value>{_VALUE}{{4,160}}+))"
)
_WORDS = ("pass", "pwd", "pw", "pin", "contraseña", "key", "token", "secret")
_WORDS_IN_CHINESE = ("密", "口令", "秘钥")
_CLAUSE_ENDS = re.compile(r"[.\"']?(?:$|[\n,;，。；、）)\"'])")


def needs(text: str) -> bool:
    """Tell whether a label may be there."""
    lowered = text.lower()
    return any(word in lowered for word in (*_WORDS, *_WORDS_IN_CHINESE))


def find(text: str) -> Iterator[Place]:
    """Find what labels say is secret.

    >>> text = "password: sunshine, my PIN is 4821; 密码错误, password is wrong"
    >>> [text[start:end] for start, end in find(text)]
    ['sunshine', '4821']
    """
    for match in _LABELLED.finditer(text):
        if match["quoted"]:
            if match["quoted"].lower() not in NOT_SECRETS:
                yield match.span("quoted")
            continue
        value = match["value"].strip(_AROUND)
        start = text.index(value, match.start("value"))
        end = start + len(value)
        if len(value) >= 4 and _is_secret(value, match, text, end):
            yield start, end


def _is_secret(value: str, match: re.Match[str], text: str, end: int) -> bool:
    if value.lower() in NOT_SECRETS or "://" in value or text.startswith(_COUNTED, end):
        return False
    if match["key"]:
        return len(value) >= 8 and _is_mixed(value)
    if match["joint"] in (":", "：", "="):
        return not value.isalpha() or bool(match["chinese"] or _CLAUSE_ENDS.match(text, end))
    if match["joint"]:
        return bool(match["chinese"]) or not value.isalpha()
    if match["chinese"]:
        return not value.isalpha()
    return _is_mixed(value) or (value.isdigit() and len(value) >= 6)


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))
