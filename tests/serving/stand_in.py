"""A stand-in for TensorFlow Serving, which cannot be had here: its interfaces before our graph.

gRPC on the real stubs (tensorflow-serving-api), REST on the real paths and bodies, the graph loaded
and run in a session of TensorFlow 1 as the server does it. It is not the server: batching, labels'
policies, reloading and limits are not those of TensorFlow Serving.
"""

from __future__ import annotations

import contextlib
import json
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

v1 = tf.compat.v1


class Session:
    """One version, loaded and run as the server loads and runs it."""

    def __init__(self, saved_model: Path):
        self._session = v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            loaded = v1.saved_model.loader.load(self._session, ["serve"], str(saved_model))
        self.signatures = loaded.signature_def

    def run(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name; KeyError for a name that the signature lacks."""
        definition = self.signatures[signature]
        feeds = {definition.inputs[name].name: value for name, value in inputs.items()}
        fetches = {name: info.name for name, info in definition.outputs.items()}
        return self._session.run(fetches, feeds)


class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict alone; `failing` is a status that the next calls get, so many times."""

    def __init__(self, name: str, session: Session):
        self.name, self.session = name, session
        self.failing: list[grpc.StatusCode] = []
        self.specs: list = []

    def Predict(self, request, context):  # noqa: N802  its name in the interface
        """As PredictionService.Predict."""
        self.specs.append(request.model_spec)
        if self.failing:
            context.abort(self.failing.pop(), "the queue is full")
        if request.model_spec.name != self.name:
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found")
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        answers = self.session.run(request.model_spec.signature_name, inputs)
        wanted = request.output_filter or answers
        response = predict_pb2.PredictResponse()
        for name in wanted:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(answers[name]))
        return response


@contextlib.contextmanager
def grpc_server(name: str, session: Session):
    """(address, servicer) of a server on a free port of this machine."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = Servicer(name, session)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", servicer
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def rest_server(name: str, session: Session):
    """(url of the model, list of statuses that the next calls get) on a free port."""
    failing: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if failing:
                return self._answer(failing.pop(), {"error": "the queue is full"})
            if self.path not in (
                f"/v1/models/{name}:predict",
                f"/v1/models/{name}/labels/stable:predict",
            ):
                return self._answer(404, {"error": "Servable not found"})
            signature = body.get("signature_name", "serving_default")
            definition = session.signatures[signature]
            if strange := set(body["inputs"]) - set(definition.inputs):
                return self._answer(400, {"error": f"no input {sorted(strange)}"})
            inputs = {key: np.array(texts, object) for key, texts in body["inputs"].items()}
            answers = session.run(signature, inputs)
            return self._answer(200, {"outputs": {key: _json(v) for key, v in answers.items()}})

        def _answer(self, status: int, values) -> None:
            content = json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/models/{name}", failing
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(values: np.ndarray):
    if values.dtype == object:
        return [text.decode() for text in values.ravel()]
    return values.tolist()
