"""Files of safetensors read and written one tensor at a time; numpy alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from tfsocial.checkpoints import bert_names
from tfsocial.errors import InputError


class TensorFile(Mapping[str, np.ndarray]):
    """The weights of a checkpoint by the names BertModel gives them, each read when asked for.

    Attributes:
        path: of the file.
        shapes: name -> shape.

    Raises:
        InputError: the file is not there or is not of safetensors; of a tensor, its numbers are
            not finite or of a type that numpy lacks.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with safe_open(path, framework="np") as file:
                names = file.keys()
                self._stored = bert_names.encoder_names({name: name for name in names})
                self.shapes = {
                    name: tuple(file.get_slice(stored).get_shape())
                    for name, stored in self._stored.items()
                }
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path}: cannot be read as safetensors ({error})") from None

    def __getitem__(self, name: str) -> np.ndarray:
        """Read a weight as float32.

        Raises:
            KeyError: there is none of that name.
        """
        try:
            # Opened anew: a file that stays open is mapped, and all that was read stays in memory.
            with safe_open(self.path, framework="np") as file:
                array = file.get_tensor(self._stored[name])
        except (SafetensorError, TypeError) as error:
            raise InputError(f"{self.path}: {name} cannot be read ({error})") from None
        array = array.astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise InputError(f"{self.path}: {name} holds values that are not finite")
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def write(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    tensors: Iterable[tuple[str, np.ndarray]],
) -> None:
    """Write float32 tensors as they come, in the order of `shapes`.

    The format: 8 bytes, the length of the header; the header, JSON; the numbers.

    Raises:
        ValueError: another tensor comes than was promised.

    >>> path = getfixture("tmp_path") / "a.safetensors"
    >>> write(path, {"b": (2,)}, [("b", np.array([1.0, 2.0]))])
    >>> TensorFile(path)["b"].tolist()
    [1.0, 2.0]
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": [*shape], "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        expected = iter(shapes.items())
        for name, array in tensors:
            if next(expected, None) != (name, array.shape):
                raise ValueError(f"{name} {array.shape} is not what was to come")
            file.write(np.ascontiguousarray(array, "<f4").data)
        if left := next(expected, None):
            raise ValueError(f"{left[0]} did not come")
