"""What a worker process and its owner say to each other: JSON with arrays behind it.

A frame is the lengths of both parts (two unsigned 64-bit numbers, little endian), JSON, and the
arrays' bytes. No pickle: what is read is data.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

HEAD = struct.Struct("<QQ")


def pack(values: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> bytes:
    """Make a frame.

    >>> values, arrays = unpack(*parts(pack({"n": 1}, {"a": np.ones([1, 2], np.float32)})))
    >>> values["n"], arrays["a"].tolist()
    (1, [[1.0, 1.0]])
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    shapes = {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    text = json.dumps({**values, "arrays": shapes}).encode()
    content = b"".join(array.tobytes() for array in arrays.values())
    return HEAD.pack(len(text), len(content)) + text + content


def parts(frame: bytes) -> tuple[bytes, bytes]:
    """Take a frame apart: JSON and the arrays' bytes."""
    length, _ = HEAD.unpack_from(frame)
    return frame[HEAD.size : HEAD.size + length], frame[HEAD.size + length :]


def unpack(text: bytes, content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read both parts of a frame."""
    values = json.loads(text)
    arrays, start = {}, 0
    for name, (dtype, shape) in values.pop("arrays").items():
        count = math.prod(shape)
        array = np.frombuffer(content, dtype, count, start).reshape(shape)
        arrays[name], start = array, start + array.nbytes
    return values, arrays
