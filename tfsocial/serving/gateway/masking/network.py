"""IPv4 and IPv6 addresses, but for those that are nobody's, and versions that look like them.

Four numbers after a word as "version" or "section" (and those that begin as such ones in the same
text) are no address, nor are loopback, the unspecified address and network masks. All others are
masked, private ones too: a rule cannot tell whose they are.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from tfsocial.serving.gateway.masking.spans import Place

_V4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
_V6 = re.compile(
    r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.[0-9]{1,3}){0,3}"
    r"(?![0-9A-Za-z:])"
)
_NUMBERED = re.compile(
    r"(?<![A-Za-z])(?:version|ver|versions|v|firmware|release|build|driver|sdk|api|bios|kernel|patch|update[dr]?|"
    r"upgraded?|android|ios|app|software|rfc|section|clause|chapter|paragraph|article|rule|§|"
    r"版本号?|固件|系统|软件|驱动|补丁|内核|升级到|更新到|第|章|节|客户端)"
    r"(?:[ :=]|number|no\.?|is|to|from|was|v|号|为|是|到){0,4}$",
    re.IGNORECASE,
)
_NUMBERED_AFTER = re.compile(
    r" ?(?:版|条|节|章|款|号补丁|firmware|release(?![a-z])|build(?![a-z]))", re.IGNORECASE
)
_WINDOW = 32

needs = re.compile(r"[0-9]\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]|::").search


def find(text: str) -> Iterator[Place]:
    """Find addresses, without ports, prefix lengths and brackets.

    >>> text = "v1.2.3.4 from 203.0.113.9:80 and [2001:db8::1]"
    >>> [text[start:end] for start, end in find(text)]
    ['203.0.113.9', '2001:db8::1']
    """
    yield from sorted([*_v4(text), *_v6(text)])


def _v4(text: str) -> Iterator[Place]:
    versions: set[tuple[str, str]] = set()
    for match in _V4.finditer(text):
        first, second, *_ = match.group().split(".")
        if _is_numbered(text, match):
            versions.add((first, second))
        elif (first, second) not in versions and _is_somebody(match.group()):
            yield match.span()


def _v6(text: str) -> Iterator[Place]:
    for match in _V6.finditer(text):
        if _is_written_so(match.group()) and _is_somebody(match.group()):
            yield match.span()


def _is_written_so(written: str) -> bool:
    """Leave out names in programs, as face::dead, times as 10::30, and lists as 1:2:3:4:5:6:7:8."""
    groups = [group for group in written.split(":") if group]
    has_digit = any(map(str.isdigit, written))
    is_long = len(groups) > 2 if "::" in written else max(map(len, groups), default=0) > 2
    return has_digit and (is_long or len(groups[0]) == 4)


def _is_numbered(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - _WINDOW) : match.start()]
    return bool(_NUMBERED.search(before) or _NUMBERED_AFTER.match(text, match.end()))


def _is_somebody(written: str) -> bool:
    try:
        address = ipaddress.ip_address(re.sub(r"(?<![0-9A-Fa-f:])0+(?=[0-9])", "", written))
    except ValueError:
        return False
    is_mask = address.version == 4 and address.packed[0] == 255
    return not (address.is_loopback or address.is_unspecified or is_mask)
