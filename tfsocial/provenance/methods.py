"""Methods of papers, as they are recorded: a class or function and what its docstring cites."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from tfsocial.provenance import resources
from tfsocial.provenance.resources import Resource

# Authors (year), title, and where it can be had, if that is said.
_AUTHOR = r"(?<![\w-])[A-Z][^\W\d_]*(?:-[^\W\d_]+)*(?!-)"
_SOURCE = re.compile(
    rf"{_AUTHOR}(?:,? (?:{_AUTHOR}|&|et al\.))* \(\d{{4}}\)"
    r"(?:(?:(?!\. [A-Z]|; |section|equation|algorithm).)*?(?:arXiv:\d{4}\.\d{4,5}|doi:\S+)"
    r"|[^.;]*?(?=, (?:section|equation)|[.;]|$))"
)


def of_method(name: str, does: Callable[..., Any]) -> Resource:
    """Describe a method that was written for this project from a paper."""
    return Resource(
        "method",
        f"{name} ({does.__name__})",
        licence=resources.OWN_LICENCE,
        licence_source="written for tfsocial from the paper",
        citation=citation(does),
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
