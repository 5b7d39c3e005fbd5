"""TensorFlow Serving's gRPC interface: Predict, and a model's status."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np

from tfsocial.serving import signature
from tfsocial.serving.gateway import outputs as naming
from tfsocial.serving.gateway.calls import Text
from tfsocial.serving.gateway.dialects import v2_json
from tfsocial.serving.gateway.dialects.grpc_calls import Call, GrpcDoor, Method
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.tf_serving import messages

PREDICTION = "tensorflow.serving.PredictionService"
MODEL = "tensorflow.serving.ModelService"


class TFServingGrpc:
    """The services, from what answers."""

    def __init__(self, door: GrpcDoor):
        self._door, self._models = door, door.calls.models

    @property
    def handlers(self) -> list[grpc.GenericRpcHandler]:
        """What a server takes."""
        predict = Method(self.predict, messages.PredictRequest, messages.PredictResponse)
        status = Method(self.status, messages.StatusRequest, messages.StatusResponse)
        return [
            self._door.handler(PREDICTION, {"Predict": predict}),
            self._door.handler(MODEL, {"GetModelStatus": status}),
        ]

    async def predict(self, call: Call) -> Any:
        """Answer strings with the outputs of the signature."""
        request = call.request
        name, version = self._asked(call, request.model_spec)
        columns = signature.columns(self._models[name].version(version).manifest)
        found = await self._door.answered(call, name, _texts(request, columns), version)
        outputs = naming.of(found.version.manifest, found.predictions)
        response = messages.PredictResponse()
        response.model_spec.name = name
        response.model_spec.version.value = found.version.number
        response.model_spec.signature_name = signature.DEFAULT
        for output in request.output_filter or outputs:
            if output not in outputs:
                raise Problem("invalid", f"output_filter: {output!r} is no output")
            _fill(response.outputs[output], outputs[output])
        return response

    async def status(self, call: Call) -> Any:
        """Say which version answers."""
        name, wanted = self._asked(call, call.request.model_spec)
        response = messages.StatusResponse()
        response.model_version_status.add(
            version=self._models[name].version(wanted).number, state=messages.AVAILABLE
        )
        return response

    def _asked(self, call: Call, spec: Any) -> tuple[str, str]:
        """Read a model's name and version, which the caller may ask."""
        call.known.check("classify", spec.name)
        if spec.signature_name not in ("", signature.DEFAULT):
            detail = f"signature_name {spec.signature_name!r}: is not here, {signature.DEFAULT} is"
            raise Problem("invalid", detail)
        return spec.name, str(spec.version.value) if spec.HasField("version") else ""


def _texts(request: Any, columns: tuple[str, ...]) -> list[Text]:
    """Read the strings of each input.

    Raises:
        Problem: invalid; names the input.
    """
    inputs = {}
    for name, tensor in request.inputs.items():
        try:
            inputs[name] = [text.decode() for text in tensor.string_val]
        except ValueError as error:
            raise Problem("invalid", f"{name}: is not strings in UTF-8 ({error})") from None
        if tensor.dtype != messages.STRING:
            raise Problem("invalid", f"{name}: dtype has to be DT_STRING")
    return v2_json.texts_of(inputs, columns)


def _fill(tensor: Any, array: np.ndarray) -> None:
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if array.dtype == object:
        tensor.dtype = messages.STRING
        tensor.string_val.extend(text.encode() for text in array.ravel())
    else:
        tensor.dtype = messages.FLOAT
        tensor.tensor_content = array.astype("<f4").tobytes()
