"""A number in a cell of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfsocial.data.reading.rows import json_type
from tfsocial.data.reading.text_cells import CellError

_LARGEST = float(np.finfo(np.float32).max)


def number_of(value: Any) -> float:
    """Read a number of a file's text or of JSON.

    Raises:
        CellError: it is none, or float32 cannot hold it.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CellError(f"is {json_type(value)}; expected a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise CellError("is not a number") from None
    if not abs(number) <= _LARGEST:
        raise CellError("is not a finite float32 number")
    return number
