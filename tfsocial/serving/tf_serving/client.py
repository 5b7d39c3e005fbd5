"""A model behind TensorFlow Serving, as any predictor; imports no TensorFlow."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import tenacity

from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.predictor import Predictions, Predictor
from tfsocial.serving.tf_serving import messages

SECONDS = 30.0  # for one request; the server's own limit for REST
ATTEMPTS = 4


class Overloaded(Exception):
    """The server sheds load; the same request may be answered later."""


_again = tenacity.retry(
    retry=tenacity.retry_if_exception_type(Overloaded),
    wait=tenacity.wait_random_exponential(0.1, max=5),
    stop=tenacity.stop_after_attempt(ATTEMPTS),
    reraise=True,
)


class RemotePredictor(Predictor):
    """A served model, asked by its `serving_default` signature.

    Args:
        saved_model: a copy of the version's folder, or of its manifest.json alone: the server does
            not tell what the numbers mean.
    """

    def __init__(self, saved_model: Path):
        self.manifest = signature.read_manifest(saved_model)

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        names = signature.columns(self.manifest)
        columns = dict(zip(names, map(list, zip(*texts, strict=True)), strict=True))
        return signature.predictions(self.manifest, self._ask(columns))

    @property
    def _outputs(self) -> list[str]:
        """Name the outputs that are needed, so that no others are sent."""
        named = [signature.output_name(self.manifest, task) for task in self.manifest.tasks]
        return ["embedding", *named]

    @abstractmethod
    def _ask(self, columns: Mapping[str, list[str]]) -> Mapping[str, np.ndarray]:
        """Send strings [n] of each column, and give float32 outputs [n, ...] by name.

        Raises:
            InputError: the server cannot be reached, or refuses the request.
            Overloaded: it still sheds load after some attempts.
        """


class RestPredictor(RemotePredictor):
    """A model behind TensorFlow Serving's REST interface."""

    def __init__(self, url: str, saved_model: Path, seconds: float = SECONDS):
        """Address a model.

        Args:
            url: http://HOST:8501/v1/models/NAME, perhaps with /versions/N or /labels/LABEL.
            seconds: that a request may take.
        """
        super().__init__(saved_model)
        self.url, self._client = url.rstrip("/"), httpx.Client(timeout=seconds)

    @_again
    def _ask(self, columns: Mapping[str, list[str]]) -> Mapping[str, np.ndarray]:
        body = {"signature_name": signature.DEFAULT, "inputs": columns}
        try:
            response = self._client.post(f"{self.url}:predict", json=body)
        except httpx.HTTPError as error:
            raise InputError(f"{self.url}: cannot be reached ({error})") from None
        if response.status_code in (429, 503):
            raise Overloaded(f"{self.url}: {_reason(response)}")
        if response.status_code != 200:
            raise InputError(f"{self.url}: answers {response.status_code}, {_reason(response)}")
        outputs = response.json()["outputs"]
        return {name: np.asarray(outputs[name], np.float32) for name in self._outputs}


class GrpcPredictor(RemotePredictor):
    """A model behind TensorFlow Serving's gRPC interface."""

    def __init__(
        self,
        address: str,
        model: str,
        saved_model: Path,
        label: str = "",
        credentials: grpc.ChannelCredentials | None = None,
        seconds: float = SECONDS,
    ):
        """Address a model.

        Args:
            address: HOST:8500.
            model: its name.
            label: of a version, `stable` for example; left out, the server takes the newest.
            credentials: for a server with TLS.
            seconds: that a request may take.
        """
        super().__init__(saved_model)
        self.address, self._model, self._label, self._seconds = address, model, label, seconds
        open_channel = grpc.insecure_channel
        self._channel = (
            grpc.secure_channel(address, credentials) if credentials else open_channel(address)
        )
        self._predict = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=messages.PredictRequest.SerializeToString,
            response_deserializer=messages.PredictResponse.FromString,
        )

    @_again
    def _ask(self, columns: Mapping[str, list[str]]) -> Mapping[str, np.ndarray]:
        request = predict_request(self._model, columns, self._outputs, self._label)
        try:
            response = self._predict(request, timeout=self._seconds)
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
                raise Overloaded(f"{self.address}: {details}") from None
            raise InputError(f"{self.address}: answers {code.name}, {details}") from None
        return {name: of_tensor(response.outputs[name]) for name in self._outputs}


def predict_request(
    model: str, columns: Mapping[str, Sequence[str]], outputs: Sequence[str] = (), label: str = ""
) -> Any:
    """Make a PredictRequest for strings [n] of each column."""
    request = messages.PredictRequest(output_filter=outputs)
    request.model_spec.name = model
    messages.fill(request, signature.DEFAULT, columns)
    if label:
        request.model_spec.version_label = label
    return request


def of_tensor(tensor: Any) -> np.ndarray:
    """Read a float32 array from a Tensor message, in either form a server may send."""
    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, np.float32).reshape(shape)
    values = np.asarray(tensor.float_val, np.float32)
    count = int(np.prod(shape))
    if 0 < len(values) < count:  # a run of one number at the end is sent once
        values = np.concatenate([values, np.repeat(values[-1:], count - len(values))])
    return values.reshape(shape)


def _reason(response: httpx.Response) -> str:
    """Give what the server says of an error."""
    try:
        return str(response.json()["error"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return response.text[:200]
