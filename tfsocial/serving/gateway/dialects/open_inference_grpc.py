"""KServe's V2 protocol over gRPC, with Triton's repository extension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np

from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway import outputs as naming
from tfsocial.serving.gateway.dialects import open_inference, v2_json
from tfsocial.serving.gateway.dialects.grpc_calls import Call, GrpcDoor, Method
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.open_inference import messages, strings


class OpenInferenceGrpc:
    """The service, from what answers."""

    def __init__(self, door: GrpcDoor):
        self._door, self._models = door, door.calls.models

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        """What a server takes."""
        of = messages.CLASSES
        methods = {
            "ServerLive": Method(self.live, of["Empty"], of["LiveResponse"], public=True),
            "ServerReady": Method(self.ready, of["Empty"], of["ReadyResponse"], public=True),
            "ModelReady": Method(self.model_ready, of["Named"], of["ReadyResponse"]),
            "ServerMetadata": Method(self.server, of["Empty"], of["ServerMetadata"]),
            "ModelMetadata": Method(self.model, of["Named"], of["ModelMetadata"]),
            "ModelInfer": Method(self.infer, of["InferRequest"], of["InferResponse"]),
            "RepositoryIndex": Method(self.index, of["IndexRequest"], of["IndexResponse"]),
            "RepositoryModelLoad": Method(self.load, of["ChangeRequest"], of["Empty"]),
            "RepositoryModelUnload": Method(self.unload, of["ChangeRequest"], of["Empty"]),
        }
        return self._door.handler(messages.SERVICE, methods)

    async def live(self, call: Call) -> Any:
        """Say that the process answers."""
        return messages.CLASSES["LiveResponse"](live=True)

    async def ready(self, call: Call) -> Any:
        """Say whether models can be asked."""
        return messages.CLASSES["ReadyResponse"](ready=self._models.ready)

    async def model_ready(self, call: Call) -> Any:
        """Say whether a model can be asked."""
        model = open_inference.visible(self._models, call.known, call.request.name)
        return messages.CLASSES["ReadyResponse"](ready=model.alive)

    async def server(self, call: Call) -> Any:
        """Describe the gateway."""
        return messages.CLASSES["ServerMetadata"](**open_inference.server_values())

    async def model(self, call: Call) -> Any:
        """Describe a model's inputs and outputs."""
        model = open_inference.visible(self._models, call.known, call.request.name)
        version = model.version(call.request.version)
        return messages.CLASSES["ModelMetadata"](**open_inference.model_values(model.name, version))

    async def infer(self, call: Call) -> Any:
        """Answer strings with the outputs of the signature; raw, as Triton does."""
        request = call.request
        model = open_inference.visible(self._models, call.known, request.model_name)
        columns = signature.columns(model.version(request.model_version).manifest)
        texts = v2_json.texts_of(_inputs(request), columns)
        timeout = (
            request.parameters["timeout"].int64_param if "timeout" in request.parameters else 0
        )
        found = await self._door.answered(
            call, model.name, texts, request.model_version, timeout / 1e6 or None
        )
        outputs = naming.of(found.version.manifest, found.predictions)
        wanted: Mapping[str, Any] = dict.fromkeys(one.name for one in request.outputs)
        response = messages.InferResponse(
            model_name=model.name, model_version=str(found.version.number), id=request.id
        )
        for name, array in v2_json.chosen_outputs(outputs, wanted).items():
            response.outputs.add(name=name, datatype=v2_json.datatype(array), shape=array.shape)
            response.raw_output_contents.append(v2_json.raw(array))
        return response

    async def index(self, call: Call) -> Any:
        """List the models that the caller may manage or ask."""
        listed = open_inference.index_values(self._models, call.known)
        return messages.CLASSES["IndexResponse"](models=listed)

    async def load(self, call: Call) -> Any:
        """Load the newest version of a model."""
        call.known.check("manage", call.request.model_name)
        try:
            await self._models[call.request.model_name].load()
        except InputError as error:
            raise Problem("invalid", str(error)) from None
        return messages.CLASSES["Empty"]()

    async def unload(self, call: Call) -> Any:
        """Answer what waits for a model, and no more."""
        call.known.check("manage", call.request.model_name)
        await self._models[call.request.model_name].unload()
        return messages.CLASSES["Empty"]()


def _seconds(parameters: Mapping[str, Any]) -> float | None:
    """Read the parameter `timeout`, microseconds, as Triton has it."""
    microseconds = parameters["timeout"].int64_param if "timeout" in parameters else 0
    return microseconds / 1e6 if microseconds > 0 else None


def _inputs(request: Any) -> dict[str, list[str]]:
    """Read the strings of each input, raw or not.

    Raises:
        Problem: invalid; names the input.
    """
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise Problem(
            "invalid",
            f"raw_input_contents: are {len(raw)}, and the inputs {len(request.inputs)}",
        )
    found: dict[str, list[str]] = {}
    for place, one in enumerate(request.inputs):
        where = f"inputs[{place}]"
        if one.datatype != "BYTES" or one.name in found:
            raise Problem("invalid", f"{where}: has to be BYTES, with a name of its own")
        try:
            packed = strings.unpack(raw[place]) if raw else list(one.contents.bytes_contents)
            found[one.name] = [text.decode() for text in packed]
        except ValueError as error:
            raise Problem("invalid", f"{where}: is not strings in UTF-8 ({error})") from None
        if int(np.prod(one.shape)) != len(packed):
            detail = f"{where}: shape is {list(one.shape)}, and there are {len(packed)} strings"
            raise Problem("invalid", detail)
    return found
