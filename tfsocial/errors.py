"""What is said to a user whose input is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


class InputError(ValueError):
    """The user's input is wrong; the message is complete and needs no traceback."""


def nearest(word: str, choices: Sequence[str]) -> str:
    """Give ' did you mean X?' when a choice is close, else the choices.

    >>> nearest("acuracy", ["accuracy", "macro_f1"])
    'did you mean accuracy?'
    >>> nearest("zzz", ["mean", "cls"])
    'allowed: mean, cls'
    """
    close = difflib.get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]}?" if close else f"allowed: {', '.join(choices)}"
