"""What a docstring cites."""

from __future__ import annotations

import inspect
import re

# Authors (year), title, and where it can be had, if that is said.
_AUTHOR = r"(?<![\w-])[A-Z][^\W\d_]*(?:-[^\W\d_]+)*(?!-)"
_SOURCE = re.compile(
    rf"{_AUTHOR}(?:,? (?:{_AUTHOR}|&|et al\.))* \(\d{{4}}\)"
    r"(?:(?:(?!\. [A-Z]|; |section|equation|algorithm).)*?(?:arXiv:\d{4}\.\d{4,5}|doi:\S+)"
    r"|[^.;]*?(?=, (?:section|equation)|[.;]|$))"
)


def citation(does: object) -> str:
    """Give the source of a method, as its docstring has it; nothing where it names none.

    >>> def add(a, b):
    ...     '''Add.
    ...
    ...     Doe (2020), Sums, arXiv:2001.00001, equation 2.
    ...     '''
    >>> citation(add)
    'Doe (2020), Sums, arXiv:2001.00001'
    """
    _, _, rest = (inspect.getdoc(does) or "").partition("\n\n")
    source = _SOURCE.search(" ".join(rest.split()))
    return source[0] if source else ""
