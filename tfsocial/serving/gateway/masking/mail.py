"""Mail addresses (RFC 5321, RFC 6531), also as mailto:, in a query string, or with [at] and [dot].

Chinese and Japanese write no spaces: where their signs stand beside an address in Latin letters
they are no part of it. An address in their own signs is taken with all of them that stand before
the @, since nothing says where it begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking.spans import Place

# Scripts that put spaces between words, and those that put none.
SPACED = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u0ffc\u1e00-\u1fff"
UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
# Top-level domains in signs without spaces (IANA's root zone); others are taken by their letters.
UNSPACED_TLDS = (
    "中国|中國|公司|网络|網路|网址|网店|网站|商城|商店|企业|集团|在线|中文网|我爱你|手机|移动|"
    "信息|娱乐|游戏|政务|公益|机构|香港|台灣|台湾|新加坡|澳門|广告|广东|佛山|世界|时尚|健康|"
    "コム|みんな|クラウド|グーグル|한국|닷컴|닷넷"
)
_LOCAL = rf"[{SPACED}0-9_.+'-]{{1,128}}|[{UNSPACED}]{{1,32}}|\"[^\"\s\ue000]{{1,64}}\""
_AT = r"@|%40|艾特| {0,2}[\[({] ?(?:at|AT|@) ?[\])}] {0,2}"
_DOT = r"\.|点| {0,2}[\[({] ?(?:dot|DOT|\.) ?[\])}] {0,2}"
_LABELS = rf"(?:(?:[{SPACED}0-9-]{{1,63}}+|[{UNSPACED}0-9]{{1,63}}+)(?:{_DOT})){{1,8}}"
_TLD = rf"xn--[A-Za-z0-9-]{{1,59}}|[{SPACED}]{{2,24}}|{UNSPACED_TLDS}"
_ADDRESS = re.compile(
    rf"(?<![{SPACED}0-9_.+'-])(?P<local>{_LOCAL})(?:{_AT})(?P<domain>{_LABELS}(?:{_TLD}))"
)
_NEXT_SENTENCE = re.compile(r"(?<=\.[a-z]{2})\.[A-Z][a-z]+\Z|(?<=\.[a-z]{3})\.[A-Z][a-z]+\Z")
# logo@2x.png is a picture, and git@host:path the place of a repository: neither reaches a person.
_NO_ADDRESS = re.compile(r"git@.*|.*@[0-9]x\.(?:png|jpe?g|gif|webp|svg)", re.IGNORECASE)


def needs(text: str) -> bool:
    """Tell whether a sign that stands for "at" is there."""
    lowered = text.lower()
    return any(sign in lowered for sign in ("@", "%40", "at]", "at)", "at}", "艾特"))


def find(text: str) -> Iterator[Place]:
    """Find mail addresses, without mailto: and quotes around them.

    >>> text = "to jo+a@example.com."
    >>> [text[start:end] for start, end in find(text)]
    ['jo+a@example.com']
    """
    for match in _ADDRESS.finditer(text):
        start = match.end("local") - len(match["local"].lstrip(".+'-"))
        end = match.start() + len(_NEXT_SENTENCE.sub("", match.group()))
        if start < match.end("local") and not _NO_ADDRESS.fullmatch(text[start:end]):
            yield start, end
