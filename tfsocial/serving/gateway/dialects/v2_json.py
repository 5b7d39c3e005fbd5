"""Requests and answers of KServe's V2 protocol: JSON, with the binary extension behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from tfsocial.serving.gateway.calls import Text
from tfsocial.serving.gateway.dialects.asking import json_of, parsed
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.open_inference import strings as strings_in_bytes

LENGTH_HEADER = "inference-header-content-length"


async def body_of(request: Request) -> tuple[dict[str, Any], bytes]:
    """Read a request: JSON, and what is behind it.

    Raises:
        Problem: invalid.
    """
    said = request.headers.get(LENGTH_HEADER)
    if said is None:
        values, binary = await json_of(request), b""
    else:
        if not (said.isascii() and said.isdigit()):
            raise Problem("invalid", "Inference-Header-Content-Length: has to be a number")
        body, length = await request.body(), int(said)
        values, binary = parsed(body[:length]), body[length:]
    if not isinstance(values, dict):
        raise Problem("invalid", 'the body has to be {"inputs": [...]}')
    if not isinstance(values.get("id", ""), str):
        raise Problem("invalid", "id: has to be a string")
    if not isinstance(values.get("parameters", {}), dict):
        raise Problem("invalid", "parameters: has to be an object")
    return values, binary


def inputs_of(values: Mapping[str, Any], binary: bytes) -> dict[str, list[str]]:
    """Read the strings of each input.

    Raises:
        Problem: invalid; names the input.
    """
    inputs = values.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(one, dict) for one in inputs):
        raise Problem("invalid", "inputs: has to be a list of objects")
    found: dict[str, list[str]] = {}
    for one in inputs:
        name, place = one.get("name"), f"inputs[{len(found)}]"
        if not isinstance(name, str) or name in found:
            raise Problem("invalid", f"{place}: needs a name of its own")
        if one.get("datatype") != "BYTES":
            raise Problem("invalid", f"{place}: datatype has to be BYTES, for strings")
        size = (one.get("parameters") or {}).get("binary_data_size")
        if size is None:
            strings = _flat(one.get("data"), place)
        elif type(size) is int and 0 <= size <= len(binary):
            strings, binary = _of_bytes(binary[:size], place), binary[size:]
        else:
            raise Problem("invalid", f"{place}: binary_data_size is above what was sent")
        _check_shape(one.get("shape"), len(strings), place)
        found[name] = strings
    return found


def texts_of(inputs: Mapping[str, Sequence[str]], columns: Sequence[str]) -> list[Text]:
    """Put the inputs of a model side by side.

    Raises:
        Problem: they are not the model's, or not of one length.
    """
    if set(inputs) != set(columns):
        raise Problem("invalid", f"inputs: have to be {' and '.join(columns)}, named so")
    if len({len(inputs[column]) for column in columns}) > 1:
        raise Problem("invalid", f"inputs: {' and '.join(columns)} have to be of one length")
    return list(zip(*(inputs[column] for column in columns), strict=True))


def chosen_outputs(
    outputs: Mapping[str, np.ndarray], wanted: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Give the outputs that are wanted, all if none is named, of two axes at the least.

    Raises:
        Problem: one is not the model's.
    """
    if strange := set(wanted) - set(outputs):
        raise Problem("invalid", f"outputs: {min(strange)!r} is none; {', '.join(outputs)} are")
    return {
        name: array[:, None] if array.ndim == 1 else array
        for name, array in outputs.items()
        if name in wanted or not wanted
    }


def seconds_in(parameters: Any) -> float | None:
    """Read the parameter `timeout`, microseconds, as Triton has it.

    Raises:
        Problem: it is no such number.
    """
    said = (parameters or {}).get("timeout")
    if said is None:
        return None
    if type(said) is not int or said <= 0:
        raise Problem("invalid", "parameters.timeout: has to be microseconds, an integer above 0")
    return said / 1e6


def wanted_in(values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Read which outputs are wanted, each with its parameters."""
    outputs = values.get("outputs") or []
    named = isinstance(outputs, list) and all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in outputs
    )
    if not named:
        raise Problem("invalid", 'outputs: has to be a list of {"name": ...}')
    return {one["name"]: one.get("parameters") or {} for one in outputs}


def binary_in(values: Mapping[str, Any]) -> bool:
    return bool((values.get("parameters") or {}).get("binary_data_output"))


def response(
    head: Mapping[str, Any],
    outputs: Mapping[str, np.ndarray],
    wanted: Mapping[str, Mapping[str, Any]],
    binary: bool,
    headers: Mapping[str, str],
) -> Response:
    described, contents = [], []
    for name, array in outputs.items():
        one = {"name": name, "datatype": datatype(array), "shape": list(array.shape)}
        if wanted.get(name, {}).get("binary_data", binary):
            contents.append(raw(array))
            described.append({**one, "parameters": {"binary_data_size": len(contents[-1])}})
        else:
            described.append({**one, "data": array.ravel().tolist()})
    text = json.dumps({**head, "outputs": described}, ensure_ascii=False).encode()
    if not contents:
        return Response(text, media_type="application/json", headers=dict(headers))
    return Response(
        text + b"".join(contents),
        media_type="application/octet-stream",
        headers={**headers, LENGTH_HEADER: str(len(text))},
    )


def datatype(array: np.ndarray) -> str:
    """Name an output's type."""
    return "BYTES" if array.dtype == object else "FP32"


def raw(array: np.ndarray) -> bytes:
    """Write an output as bytes."""
    if array.dtype == object:
        return strings_in_bytes.pack(text.encode() for text in array.ravel())
    return array.astype("<f4").tobytes()


def _flat(data: Any, place: str) -> list[str]:
    """Read strings that may be nested as their shape is."""
    if not isinstance(data, list):
        raise Problem("invalid", f"{place}: data has to be a list of strings")
    while data and all(isinstance(one, list) for one in data):
        data = [inner for one in data for inner in one]
    if not all(isinstance(one, str) for one in data):
        raise Problem("invalid", f"{place}: data has to be a list of strings")
    return data


def _of_bytes(content: bytes, place: str) -> list[str]:
    try:
        return [one.decode() for one in strings_in_bytes.unpack(content)]
    except ValueError as error:  # UnicodeDecodeError is one
        raise Problem("invalid", f"{place}: is not strings in UTF-8 ({error})") from None


def _check_shape(shape: Any, count: int, place: str) -> None:
    """Take [n] and [n, 1]."""
    if not isinstance(shape, list) or not all(type(one) is int for one in shape):
        raise Problem("invalid", f"{place}: shape has to be a list of integers")
    if shape not in ([count], [count, 1]):
        raise Problem("invalid", f"{place}: shape is {shape}, and there are {count} strings")
