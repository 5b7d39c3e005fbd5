"""Bodies of TensorFlow Serving's REST interface: what a :predict request says, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfsocial.errors import InputError
from tfsocial.serving.signature import DEFAULT


class PredictRequest(NamedTuple):
    """What is asked.

    Attributes:
        columns: input -> n strings.
        by_row: whether it was `instances`, and is answered by `predictions`.
    """

    columns: Mapping[str, Sequence[str]]
    by_row: bool


def read(request: Any, names: Sequence[str]) -> PredictRequest:
    """Read the JSON value of a request's body.

    Args:
        names: of the model's inputs.

    Raises:
        InputError: it is no such request; says what is wrong with it.
    """
    if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
        raise InputError('the request has to be {"instances": [...]} or {"inputs": {...}}')
    signature = request.get("signature_name", DEFAULT)
    if signature != DEFAULT:
        raise InputError(f"signature_name {signature!r}: this server has {DEFAULT} alone")
    by_row = "instances" in request
    columns = _of_rows(request["instances"], names) if by_row else request["inputs"]
    _check(columns, names)
    return PredictRequest(columns, by_row)


def answer(request: PredictRequest, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Write the answer as a JSON value.

    Args:
        outputs: [n, ...] each; strings as bytes or Python's.
    """
    values = {name: _values(array) for name, array in outputs.items()}
    if not request.by_row:
        return {"outputs": values}
    rows = zip(*values.values(), strict=True)
    return {"predictions": [dict(zip(values, row, strict=True)) for row in rows]}


def status(version: int | None = None) -> dict[str, Any]:
    """Say that a version is available."""
    state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    numbered = {"version": str(version)} if version is not None else {}
    return {"model_version_status": [{**numbered, **state}]}


def _of_rows(rows: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Turn instances, bare strings or objects, into columns."""
    if not isinstance(rows, list):
        raise InputError('"instances" has to be a list')
    objects = [row if isinstance(row, dict) else {names[0]: row} for row in rows]
    return {name: [row.get(name) for row in objects] for name in names}


def _check(columns: Any, names: Sequence[str]) -> None:
    if not isinstance(columns, dict) or set(columns) != set(names):
        raise InputError(f'"inputs" has to name {" and ".join(names)}, each a list of strings')
    for name, texts in columns.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise InputError(f"{name}: has to be a list of strings, one for each text")
    if len({len(texts) for texts in columns.values()}) > 1:
        raise InputError(f"{' and '.join(names)} have to be of one length")


def _values(array: np.ndarray) -> list[Any]:
    """Turn an output [n, ...] into JSON values, strings from bytes."""
    if array.dtype != object:
        return array.tolist()
    decoded = [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        for text in array.ravel()
    ]
    return np.array(decoded, object).reshape(array.shape).tolist()
