"""A SavedModel behind TensorFlow Serving's REST paths, to be tried on one machine.

It has no users, no limits and no batching across requests: nothing to put on a network. Who asks it
asks TensorFlow Serving in the same words.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tfsocial.errors import InputError
from tfsocial.serving.saved_model import SavedModelPredictor
from tfsocial.serving.tf_serving import rest

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
            InputError: the model reads columns beside the text.
            OSError: the port is somebody else's.
        """
        predictor.manifest.check_text_alone(name)
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
        if self.path == path:
            self._answer(200, rest.status())
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
    asked = rest.read(request, predictor.columns)
    return rest.answer(asked, predictor.outputs(asked.columns))
