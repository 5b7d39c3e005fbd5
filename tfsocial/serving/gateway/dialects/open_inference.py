"""KServe's V2 protocol over HTTP (Open Inference Protocol), as Triton and MLServer speak it.

https://github.com/kserve/open-inference-protocol. Strings are BYTES, as plain JSON strings or, with
Triton's binary extension, as bytes behind the JSON.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import tfsocial
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway import outputs as naming
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.dialects import v2_json
from tfsocial.serving.gateway.dialects.asking import Asking, seen_of
from tfsocial.serving.gateway.models import Models, ServedModel
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.gateway.version import Version

EXTENSIONS = ("binary_tensor_data", "model_repository")


class OpenInference:
    """The routes, from what answers."""

    def __init__(self, asking: Asking):
        self._asking = asking
        self._models = asking.calls.models

    @property
    def routes(self) -> list[BaseRoute]:
        """Where they are."""
        model = "/v2/models/{model}"
        found: list[BaseRoute] = [
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route("/v2/repository/index", self.index, methods=["POST"]),
            Route("/v2/repository/models/{model}/load", self.load, methods=["POST"]),
            Route("/v2/repository/models/{model}/unload", self.unload, methods=["POST"]),
        ]
        for path in (model, f"{model}/versions/{{version}}"):
            found += [
                Route(path, self.model),
                Route(f"{path}/ready", self.model_ready),
                Route(f"{path}/infer", self.infer, methods=["POST"]),
            ]
        return found

    # --- what there is ---------------------------------------------------------------------

    async def live(self, request: Request) -> Response:
        """Say that the process answers."""
        seen_of(request).route = "/v2/health/live"
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:
        """Say whether models can be asked; a full line is no reason to say no."""
        seen_of(request).route = "/v2/health/ready"
        ready = self._models.ready
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    async def server(self, request: Request) -> Response:
        """Describe the gateway."""
        seen_of(request).route = "/v2"
        return JSONResponse(server_values())

    async def model(self, request: Request) -> Response:
        """Describe a model."""
        name, version = await self._asked_about(request, "/v2/models")
        return JSONResponse(model_values(name, version))

    async def model_ready(self, request: Request) -> Response:
        """Say whether a model can be asked."""
        name, version = await self._asked_about(request, "/v2/models/ready")
        if not version.backend.alive:
            raise Problem("overloaded", f"model {name!r}: is not ready; try again", 1)
        return JSONResponse({"name": name, "ready": True})

    async def _asked_about(self, request: Request, route: str) -> tuple[str, Version]:
        seen_of(request).route = route
        model = visible(self._models, self._asking.caller(request), request.path_params["model"])
        return model.name, model.version(request.path_params.get("version", ""))

    # --- answers ---------------------------------------------------------------------------

    async def infer(self, request: Request) -> Response:
        """Answer strings with the outputs of the signature."""
        seen_of(request).route = "/v2/models/infer"
        caller, name = self._asking.caller(request), request.path_params["model"]
        version = request.path_params.get("version", "")
        caller.check("classify", name)
        columns = signature.columns(self._models[name].version(version).manifest)
        values, binary = await v2_json.body_of(request)
        texts = v2_json.texts_of(v2_json.inputs_of(values, binary), columns)
        wanted = v2_json.wanted_in(values)
        found = await self._asking.answered(
            request, "classify", name, texts, version, v2_json.seconds_in(values.get("parameters"))
        )
        chosen = v2_json.chosen_outputs(
            naming.of(found.version.manifest, found.predictions), wanted
        )
        head = {
            "model_name": name,
            "model_version": str(found.version.number),
            **({"id": values["id"]} if values.get("id") else {}),
        }
        return v2_json.response(head, chosen, wanted, v2_json.binary_in(values), found.headers)

    # --- the repository --------------------------------------------------------------------

    async def index(self, request: Request) -> Response:
        """List the models that the caller may manage or ask."""
        seen_of(request).route = "/v2/repository/index"
        return JSONResponse(index_values(self._models, self._asking.caller(request)))

    async def load(self, request: Request) -> Response:
        """Load the newest version of a model."""
        name = await self._managed(request, "load")
        try:
            await self._models[name].load()
        except InputError as error:
            raise Problem("invalid", str(error)) from None
        return JSONResponse({})

    async def unload(self, request: Request) -> Response:
        """Answer what waits for a model, and no more."""
        await self._models[await self._managed(request, "unload")].unload()
        return JSONResponse({})

    async def _managed(self, request: Request, what: str) -> str:
        seen = seen_of(request)
        seen.route, seen.verb = f"/v2/repository/models/{what}", "manage"
        caller, name = self._asking.caller(request), request.path_params["model"]
        caller.check("manage", name)
        return self._models[name].name


def visible(models: Models, caller: Caller, name: str) -> ServedModel:
    """Give a model that the caller may see.

    Raises:
        Problem: forbidden, or not found.
    """
    if not _may_see(caller, name):
        caller.check("classify", name)
    return models[name]


def index_values(models: Models, caller: Caller) -> list[dict[str, str]]:
    """List the models that the caller may see."""
    return [
        {
            "name": model.name,
            "version": str(model.current.number) if model.current else "",
            "state": "READY" if model.current else "UNAVAILABLE",
            "reason": "" if model.current else "unloaded",
        }
        for model in models
        if _may_see(caller, model.name)
    ]


def _may_see(caller: Caller, name: str) -> bool:
    return any(caller.may(verb, name) for verb in ("classify", "embed", "manage"))


def server_values() -> dict[str, Any]:
    """Describe the gateway."""
    return {
        "name": "tfsocial",
        "version": tfsocial.__version__,
        "extensions": list(EXTENSIONS),
    }


def model_values(name: str, version: Version) -> dict[str, Any]:
    """Describe a model's inputs and outputs."""
    texts = [
        {"name": column, "datatype": "BYTES", "shape": [-1, 1]}
        for column in signature.columns(version.manifest)
    ]
    shown = [
        {"name": output, "datatype": datatype, "shape": shape if len(shape) > 1 else [*shape, 1]}
        for output, (datatype, shape) in naming.shapes(version.manifest).items()
    ]
    return {
        "name": name,
        "versions": [str(version.number)],
        "platform": "tfsocial",
        "inputs": texts,
        "outputs": shown,
    }
