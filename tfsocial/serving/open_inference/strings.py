"""Strings as KServe's V2 protocol has them in bytes: a length of four bytes before each."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_LENGTH = struct.Struct("<I")


def pack(strings: Iterable[bytes]) -> bytes:
    """Write strings one after the other.

    >>> pack([b"ab", b""])
    b'\\x02\\x00\\x00\\x00ab\\x00\\x00\\x00\\x00'
    """
    return b"".join(_LENGTH.pack(len(one)) + one for one in strings)


def unpack(content: bytes) -> list[bytes]:
    """Read strings.

    Raises:
        ValueError: the bytes end within one.

    >>> unpack(pack([b"ab", b""]))
    [b'ab', b'']
    """
    found, place = [], 0
    while place < len(content):
        start = place + _LENGTH.size
        if start > len(content):
            raise ValueError("the bytes end within a length")
        (length,) = _LENGTH.unpack_from(content, place)
        place = start + length
        if place > len(content):
            raise ValueError("the bytes end within a string")
        found.append(content[start:place])
    return found
