"""Arrays in files of safetensors, and what is asked of them; numpy alone.

Only safetensors are read; no pickle is ever opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from tfsocial.errors import InputError


def read(path: Path) -> dict[str, np.ndarray]:
    """Read name -> array, each of the shape and type that the file says.

    Raises:
        InputError: the file is not there or is not of safetensors.
    """
    try:
        return safetensors.load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error})") from None


def to_bytes(tensors: Mapping[str, np.ndarray]) -> bytes:
    """Make a file's content of name -> array, marked as PyTorch's layout: weights [out, in]."""
    return safetensors.save(dict(tensors), {"format": "pt"})


def checked(array: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Check an array's shape and return it as float32.

    Args:
        where: file and tensor, for the message.

    Raises:
        InputError: it has another shape, or values that are not finite.

    >>> checked(np.ones([2], np.float16), (2,), "a.safetensors: b").dtype
    dtype('float32')
    """
    if array.shape != shape:
        raise InputError(f"{where} has shape {array.shape}, the model needs {shape}")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{where} holds values that are not finite")
    return array


def whole_table(table: np.ndarray, rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Put a pruned vocabulary's rows in their places of the whole table; return a copy, float32.

    Args:
        table: [words, ...], over the whole vocabulary.
        rows: [m, ...], of the pruned one.
        places: int [m], where each of the rows stands in the table.

    >>> whole_table(np.zeros(4), np.array([7.0, 8.0]), np.array([1, 3])).tolist()
    [0.0, 7.0, 0.0, 8.0]
    """
    whole = table.astype(np.float32)  # a checkpoint may be of half the precision
    whole[places] = rows
    return whole
