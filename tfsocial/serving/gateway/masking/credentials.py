"""Passwords, keys and tokens: by a prefix of their issuer's, by a frame, or by a label."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking import passwords
from tfsocial.serving.gateway.masking.spans import Place

# How an issuer's tokens begin, and the form of the rest, from the issuers' documentation.
TOKENS = {
    "AKIA": "[0-9A-Z]{16}",  # AWS
    "ASIA": "[0-9A-Z]{16}",
    "LTAI": "[0-9A-Za-z]{12,26}",  # Alibaba Cloud
    "AKID": "[0-9A-Za-z]{13,40}",  # Tencent Cloud
    "AIza": "[0-9A-Za-z_-]{35}",  # Google
    **dict.fromkeys(("gho_", "ghp_", "ghr_", "ghs_", "ghu_"), "[0-9A-Za-z]{36,255}"),  # GitHub
    "github_pat_": "[0-9A-Za-z_]{22,255}",
    "glpat-": "[0-9A-Za-z_-]{20,64}",  # GitLab
    "xox": "[abeoprs]-[0-9A-Za-z-]{10,255}",  # Slack
    "xapp-": "[0-9A-Za-z-]{10,255}",
    **dict.fromkeys(("sk_", "pk_", "rk_"), "(?:live|test)_[0-9A-Za-z]{10,255}"),  # Stripe
    "whsec_": "[0-9A-Za-z]{24,255}",
    "sk-": "[0-9A-Za-z_-]{20,255}",  # OpenAI, Anthropic
    "hf_": "[0-9A-Za-z]{30,64}",  # Hugging Face
    "npm_": "[0-9A-Za-z]{36}",
    "pypi-": "[0-9A-Za-z_-]{50,255}",
    "SG.": r"[0-9A-Za-z_-]{16,32}\.[0-9A-Za-z_-]{16,64}",  # SendGrid
    "eyJ": r"[0-9A-Za-z_-]{8,}+\.eyJ[0-9A-Za-z_-]{8,}+(?:\.[0-9A-Za-z_-]*+)?",  # JWT, RFC 7519
}
_TOKENS = {
    prefix: re.compile(rf"(?<![0-9A-Za-z_-]){re.escape(prefix)}{rest}(?![0-9A-Za-z_-])")
    for prefix, rest in TOKENS.items()
}
_KEY_BEGINS = "-----BEGIN"
# RFC 7468, and OpenPGP's. Where its end is cut off, as much as is base64.
_BEGIN = rf"{_KEY_BEGINS} [0-9A-Z ]{{0,32}}PRIVATE KEY(?: BLOCK)?-----"
_BREAK = r"(?:\\n|\s)"
_KEY = re.compile(
    rf"{_BEGIN}(?:[^\ue000-]|-(?!----))*+-----END [0-9A-Z ]{{0,48}}-----"
    rf"|{_BEGIN}(?:{_BREAK}{{0,4}}[0-9A-Za-z+/=]{{16,}}+)++"
)
# RFC 3986: user and password before the host; the last @ before the path ends them.
_IN_URL = re.compile(r"(?<=://)[^\s/?#@:\ue000]{0,128}:[^\s/?#\ue000]{1,256}(?=@)")
_AUTHORIZATION = re.compile(
    r"(?i:(?<![A-Za-z])(?:bearer|basic|token)) {1,3}(?P<value>[0-9A-Za-z._~+/-]{16,}+={0,2})"
)
_SIGNS = ("[0-9]", "[a-z]", "[A-Z]")  # two of which a random token has


def needs(text: str) -> bool:
    """Tell whether what a secret begins with is there, or a word that announces one."""
    starts = (*TOKENS, _KEY_BEGINS, "://")
    return any(start in text for start in starts) or passwords.needs(text) or _is_authorized(text)


def find(text: str) -> Iterator[Place]:
    """Find secrets; of a URL its user and password.

    >>> text = "ftp://jo:pass@example.com, password: hunter2"
    >>> [text[start:end] for start, end in find(text)]
    ['jo:pass', 'hunter2']
    """
    if _KEY_BEGINS in text:
        yield from (match.span() for match in _KEY.finditer(text))
    if "://" in text:
        yield from (match.span() for match in _IN_URL.finditer(text))
    for prefix, pattern in _TOKENS.items():
        if prefix in text:
            yield from (match.span() for match in pattern.finditer(text))
    if _is_authorized(text):
        yield from _authorizations(text)
    if passwords.needs(text):
        yield from passwords.find(text)


def _is_authorized(text: str) -> bool:
    lowered = text.lower()
    return "bearer " in lowered or "basic " in lowered or "token " in lowered


def _authorizations(text: str) -> Iterator[Place]:
    for match in _AUTHORIZATION.finditer(text):
        if sum(bool(re.search(signs, match["value"])) for signs in _SIGNS) >= 2:
            yield match.span("value")
