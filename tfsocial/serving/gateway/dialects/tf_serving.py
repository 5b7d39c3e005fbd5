"""TensorFlow Serving's REST interface, so that its clients need another address and a key alone.

Predict, a model's status and its metadata; Classify and Regress, which take tf.Examples, are not
passed on over HTTP.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway import outputs as naming
from tfsocial.serving.gateway.dialects.asking import Asking, json_of, seen_of
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.gateway.version import Version
from tfsocial.serving.tf_serving import rest

MODELS = "/v1/models/"
# Types as tensorflow.DataType writes them.
TYPES = {"BYTES": "DT_STRING", "FP32": "DT_FLOAT"}


class TFServing:
    """The routes, from what answers."""

    def __init__(self, asking: Asking):
        self._asking = asking

    @property
    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        found: list[BaseRoute] = []
        for path in ("{model}", "{model}/versions/{version}"):
            found += [
                Route(f"{MODELS}{path}:predict", self.predict, methods=["POST"]),
                Route(f"{MODELS}{path}/metadata", self.metadata),
                Route(f"{MODELS}{path}", self.status),
            ]
        return found

    async def predict(self, request: Request) -> Response:
        """Answer strings with the outputs of the signature."""
        seen_of(request).route = f"{MODELS}:predict"
        name, version = self._allowed(request)
        body = await json_of(request)
        try:
            asked = rest.read(body, signature.columns(version.manifest))
        except InputError as error:
            raise Problem("invalid", str(error)) from None
        texts = list(zip(*asked.columns.values(), strict=True))
        wanted = request.path_params.get("version", "")
        found = await self._asking.answered(request, "classify", name, texts, wanted)
        outputs = naming.of(found.version.manifest, found.predictions)
        return JSONResponse(rest.answer(asked, outputs), headers=dict(found.headers))

    async def status(self, request: Request) -> Response:
        """Say that a version answers."""
        seen_of(request).route = MODELS
        _, version = self._allowed(request)
        return JSONResponse(rest.status(version.number))

    async def metadata(self, request: Request) -> Response:
        """Describe the signature."""
        seen_of(request).route = f"{MODELS}metadata"
        name, version = self._allowed(request)
        return JSONResponse(_metadata(name, version))

    def _allowed(self, request: Request) -> tuple[str, Version]:
        caller, name = self._asking.caller(request), request.path_params["model"]
        caller.check("classify", name)
        model = self._asking.calls.models[name]
        return name, model.version(request.path_params.get("version", ""))


def _metadata(name: str, version: Version) -> dict[str, object]:
    inputs = {column: _tensor(column, "BYTES", [-1]) for column in _columns(version)}
    outputs = {
        output: _tensor(output, datatype, shape)
        for output, (datatype, shape) in naming.shapes(version.manifest).items()
    }
    described = {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"}
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version.number)},
        "metadata": {"signature_def": {"signature_def": {signature.DEFAULT: described}}},
    }


def _columns(version: Version) -> tuple[str, ...]:
    return signature.columns(version.manifest)


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, object]:
    dims = [{"size": str(size), "name": ""} for size in shape]
    return {
        "dtype": TYPES[datatype],
        "tensor_shape": {"dim": dims, "unknown_rank": False},
        "name": name,
    }
