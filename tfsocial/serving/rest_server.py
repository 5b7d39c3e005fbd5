"""A SavedModel behind TensorFlow Serving's REST paths, to be tried on one machine.

It has no users, no limits and no batching across requests: nothing to put on a network. Who asks it
asks TensorFlow Serving in the same words.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import numpy as np

from tfsocial.errors import InputError
from tfsocial.serving.saved_model import SavedModelPredictor
from tfsocial.serving.signature import DEFAULT

MOST_BYTES = 2**20  # of a request
HOST = "127.0.0.1"


class RestServer:
    """Serve a SavedModel while inside `with`, which gives the server itself.

    POST /v1/models/NAME:predict takes {"instances": ["text", ...]}, or {"inputs": {"text": [...]}},
    and answers {"predictions": [...]} or {"outputs": {...}}, as TensorFlow Serving does;
    GET /v1/models/NAME says that it is available.

    Attributes:
        url: of the model, http://127.0.0.1:PORT/v1/models/NAME.
    """

    def __init__(self, predictor: SavedModelPredictor, name: str, port: int = 0):
        """Listen on this machine alone.

        Args:
            port: 0 takes a free one.

        Raises:
            OSError: the port is somebody else's.
        """
        self._server = _Server(port, predictor, f"/v1/models/{name}")
        self.url = f"http://{HOST}:{self._server.server_port}{self._server.path}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """What requests are answered from."""

    def __init__(self, port: int, predictor: SavedModelPredictor, path: str):
        super().__init__((HOST, port), _Request)
        self.predictor, self.path = predictor, path


class _Request(BaseHTTPRequestHandler):
    """One request."""

    server: _Server

    def do_GET(self) -> None:
        path = self.server.path
        state = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        if self.path == path:
            self._answer(200, {"model_version_status": [state]})
        else:
            self._answer(404, {"error": f"{self.path}: there is nothing; try {path}"})

    def do_POST(self) -> None:
        path = f"{self.server.path}:predict"
        said = self.headers.get("Content-Length") or "0"
        length = int(said) if said.isascii() and said.isdigit() else MOST_BYTES + 1
        if self.path != path:
            self._answer(404, {"error": f"{self.path}: there is nothing; try {path}"})
        elif length > MOST_BYTES:
            self._answer(413, {"error": f"the request has {length} bytes, above {MOST_BYTES}"})
        else:
            try:
                self._answer(200, answer(self.server.predictor, self.rfile.read(length)))
            except InputError as error:
                self._answer(400, {"error": str(error)})

    def _answer(self, status: int, values: Mapping[str, Any]) -> None:
        content = json.dumps(values, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: texts do not go to logs."""


def answer(predictor: SavedModelPredictor, body: bytes) -> dict[str, Any]:
    """Answer the body of a :predict request.

    Raises:
        InputError: it is no such request; says what is wrong with it.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise InputError(f"the request is no JSON ({error})") from None
    if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
        raise InputError('the request has to be {"instances": [...]} or {"inputs": {...}}')
    signature = request.get("signature_name", DEFAULT)
    if signature != DEFAULT:
        raise InputError(f"signature_name {signature!r}: this server has {DEFAULT} alone")
    names = predictor.columns
    by_row = "instances" in request
    columns = _of_rows(request["instances"], names) if by_row else request["inputs"]
    _check(columns, names)
    outputs = {name: _values(array) for name, array in predictor.outputs(columns).items()}
    if not by_row:
        return {"outputs": outputs}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


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
    decoded = [text.decode("utf-8", "replace") for text in array.ravel()]
    return np.array(decoded, object).reshape(array.shape).tolist()
