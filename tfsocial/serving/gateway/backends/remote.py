"""Versions run by another server: TensorFlow Serving or Triton, asked over gRPC."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway.backends.contract import (
    Backend,
    BackendFull,
    BackendGone,
    BackendRefused,
    Texts,
)
from tfsocial.serving.open_inference import messages as open_inference
from tfsocial.serving.predictor import Predictions
from tfsocial.serving.tf_serving import messages as tf_serving
from tfsocial.serving.tf_serving.client import of_tensor, predict_request

READY = 120.0  # seconds until a server that starts has to answer
MOST_TEXTS = 32  # as `tfsocial triton` and `tfsocial tf-serving` configure the servers
MESSAGE_BYTES = 64 * 2**20
FULL = (grpc.StatusCode.RESOURCE_EXHAUSTED,)
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES),
    ("grpc.max_send_message_length", MESSAGE_BYTES),
    ("grpc.lb_policy_name", "round_robin"),  # of the addresses behind one name
)


class RemoteBackend(Backend):
    """A model of another server.

    Args:
        folder: of the version here, or of its manifest.json alone: a server does not tell what the
            numbers mean.
        address: HOST:PORT of its gRPC interface.
        model: what it calls the model.
        most_texts: of a batch, as the server is configured.
    """

    slots = None

    def __init__(self, folder: Path, address: str, model: str, most_texts: int = MOST_TEXTS):
        self.folder, self.address, self.model = folder, address, model
        self.most_texts = most_texts
        self.manifest = signature.read_manifest(folder)
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            InputError: the server does not answer.
        """
        self._channel = grpc.aio.insecure_channel(self.address, options=OPTIONS)
        try:
            async with asyncio.timeout(READY):
                await self._channel.channel_ready()
        except TimeoutError:
            await self.stop()
            raise InputError(f"{self.address}: does not answer; start the server first") from None

    async def __call__(self, texts: Texts, seconds: float) -> Predictions:
        """Compute the numbers for n texts."""
        names = signature.columns(self.manifest)
        columns = dict(zip(names, map(list, zip(*texts, strict=True)), strict=True))
        try:
            outputs = await self._ask(columns, seconds)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from None
        return signature.predictions(self.manifest, outputs)

    async def stop(self) -> None:
        """Disconnect."""
        if self._channel is not None:
            await self._channel.close()

    @property
    def alive(self) -> bool:
        """Whether there is a connection, or one is being made."""
        failing = (grpc.ChannelConnectivity.TRANSIENT_FAILURE, grpc.ChannelConnectivity.SHUTDOWN)
        return self._channel is not None and self._channel.get_state() not in failing

    @abstractmethod
    async def _ask(
        self, columns: Mapping[str, Sequence[str]], seconds: float
    ) -> Mapping[str, np.ndarray]:
        """Send strings [n] of each column, and give float32 outputs [n, ...] by name."""

    @property
    def _outputs(self) -> list[str]:
        """Name the outputs that are needed, so that no others are sent."""
        named = [signature.output_name(self.manifest, task) for task in self.manifest.tasks]
        return ["embedding", *named]

    def _method(self, path: str, request: Any, response: Any) -> Any:
        assert self._channel is not None
        return self._channel.unary_unary(
            path,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def _failure(self, error: grpc.aio.AioRpcError) -> Exception:
        """Tell what an error of the server means for a batch."""
        code, said = error.code(), f"{self.address}: {error.details()}"
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return TimeoutError(said)
        # Triton says UNAVAILABLE also when its queue is full.
        if code in FULL or (code in GONE and "queue" in said.lower()):
            return BackendFull(said)
        return BackendGone(said) if code in GONE else BackendRefused(f"{code.name}, {said}")


class TFServingBackend(RemoteBackend):
    """A model of TensorFlow Serving."""

    async def _ask(
        self, columns: Mapping[str, Sequence[str]], seconds: float
    ) -> Mapping[str, np.ndarray]:
        predict = self._method(
            "/tensorflow.serving.PredictionService/Predict",
            tf_serving.PredictRequest,
            tf_serving.PredictResponse,
        )
        request = predict_request(self.model, columns, self._outputs)
        response = await predict(request, timeout=seconds)
        return {name: of_tensor(response.outputs[name]) for name in self._outputs}


class TritonBackend(RemoteBackend):
    """A model of Triton, by KServe's V2 protocol."""

    async def _ask(
        self, columns: Mapping[str, Sequence[str]], seconds: float
    ) -> Mapping[str, np.ndarray]:
        infer = self._method(
            f"/{open_inference.SERVICE}/ModelInfer",
            open_inference.InferRequest,
            open_inference.InferResponse,
        )
        response = await infer(self._request(columns), timeout=seconds)
        contents = dict(
            zip([one.name for one in response.outputs], response.raw_output_contents, strict=True)
        )
        return {
            one.name: np.frombuffer(contents[one.name], "<f4").reshape(one.shape)
            for one in response.outputs
        }

    def _request(self, columns: Mapping[str, Sequence[str]]) -> Any:
        request = open_inference.InferRequest(model_name=self.model)
        for name, texts in columns.items():
            tensor = request.inputs.add(name=name, datatype="BYTES", shape=[len(texts), 1])
            tensor.contents.bytes_contents.extend(text.encode() for text in texts)
        for name in self._outputs:
            request.outputs.add(name=name)
        return request
