"""Scripts that write no spaces between words."""

from __future__ import annotations

import unicodedata


def is_unspaced(character: str) -> bool:
    """Tell whether a character is of such a script.

    >>> is_unspaced("银"), is_unspaced("a")
    (True, False)
    """
    return unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI"))
