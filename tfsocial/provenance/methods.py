"""Methods of papers, as they are recorded: a class or function and what its docstring cites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsocial.provenance import resources
from tfsocial.provenance.citations import citation
from tfsocial.provenance.resources import Resource


def of_method(name: str, does: Callable[..., Any]) -> Resource:
    """Describe a method that was written for this project from a paper."""
    return Resource(
        "method",
        f"{name} ({does.__name__})",
        licence=resources.OWN_LICENCE,
        licence_source="written for tfsocial from the paper",
        citation=citation(does),
    )
