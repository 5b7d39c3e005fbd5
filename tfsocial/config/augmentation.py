"""Augmentation: a chain of ops, each a mapping of its name to its knobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator


def _one_op(value: Any) -> Any:
    """Return an op as a mapping of its name to its knobs; a bare name has the defaults."""
    if isinstance(value, str):
        return {value: {}}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError("should name one op: {word_drop: {rate: 0.1}}")
    return {name: {} if knobs is None else knobs for name, knobs in value.items()}


# The knobs are checked against the op itself when the table builds it.
AugmentOp = Annotated[dict[str, dict[str, Any]], BeforeValidator(_one_op)]
