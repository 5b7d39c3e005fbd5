"""How many tokens a text will be, without the tokenizer of its model.

Quotas, batches and deadlines go by tokens, since a text of 200 costs fifty times one of 4. The
gateway has no vocabulary: a model behind it may have any.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPECIAL = 2  # [CLS] and [SEP]
_LETTERS = 5.5  # of a word, to a piece
# A character of Chinese or Japanese is a token; so is a sign. A word is one, or several if long.
_PARTS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+|[^\w\s]")


def estimate(columns: Sequence[str], most: int) -> int:
    """Estimate the tokens of a text or a pair, of which a model reads `most` at the most.

    >>> estimate(["Where is my card?"], 128), estimate(["我的卡在哪里？"], 128)
    (7, 9)
    """
    # A token has a character at the least, so what is longer than a row is not looked at.
    pieces = sum(
        max(1, round(len(part) / _LETTERS))
        for text in columns
        for part in _PARTS.findall(text[: 8 * most])
    )
    return min(most, pieces + _SPECIAL + len(columns) - 1)
