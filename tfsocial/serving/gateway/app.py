"""The application that callers reach, and the one that operators reach on a port of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

import tfsocial
from tfsocial.serving.gateway.dialects import plain
from tfsocial.serving.gateway.dialects.asking import Asking, seen_of
from tfsocial.serving.gateway.dialects.open_inference import OpenInference
from tfsocial.serving.gateway.dialects.plain import Plain
from tfsocial.serving.gateway.dialects.tf_serving import TFServing
from tfsocial.serving.gateway.models import Models
from tfsocial.serving.gateway.operators.page import Page
from tfsocial.serving.gateway.problems import KINDS, Problem, answer
from tfsocial.serving.gateway.watch.gauges import Gauges
from tfsocial.serving.gateway.watch.metrics import CONTENT_TYPE, Metrics

TITLE = "tfsocial gateway"


def make_app(asking: Asking, more: Sequence[BaseRoute] = ()) -> FastAPI:
    """Make what callers reach: /v1, KServe's /v2, TensorFlow Serving's paths, an application's."""
    app = FastAPI(title=TITLE, version=tfsocial.__version__, docs_url=None, redoc_url=None)
    routes = [
        *Plain(asking).router.routes,
        *OpenInference(asking).routes,
        *TFServing(asking).routes,
        *more,
    ]
    app.router.routes += routes  # `include_router` would match each request twice
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _fault)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def make_admin(models: Models, metrics: Metrics, page: Page) -> Starlette:
    """Make what operators reach: a page, numbers, and whether it lives and is ready."""
    gauges = Gauges(metrics.registry)

    async def numbers(_: Request) -> Response:
        gauges.read(models)
        return Response(metrics.exposed(), media_type=CONTENT_TYPE)

    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": models.ready}, 200 if models.ready else 503)

    return Starlette(
        routes=[
            Route("/", page.show),
            Route("/page.css", page.style),
            Route("/metrics", numbers),
            Route("/livez", live),
            Route("/readyz", ready),
        ]
    )


def _openapi(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        schema = get_openapi(title=TITLE, version=app.version, routes=app.routes)
        parts = schema["components"]
        parts["schemas"]["ProblemReply"] = plain.ProblemReply.model_json_schema()
        parts["schemas"].pop("HTTPValidationError", None)
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"key": []}]
        for path in schema["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)  # 400, as all that cannot be read
        app.openapi_schema = schema
    return app.openapi_schema


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, plain.invalid(list(error.errors())))


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kinds = [kind for kind, one in KINDS.items() if one.status == error.status_code]
    kind = kinds[0] if kinds else "invalid"
    return _answer(request, Problem(kind, _detail(request, kind), headers=error.headers))


async def _fault(request: Request, error: Exception) -> Response:
    """Answer when this program is at fault; its log has the trace, the caller the id."""
    seen_of(request).problem = "fault"
    return JSONResponse({"error": "a fault of this server; its log has this request's id"}, 500)


def _detail(request: Request, kind: str) -> str:
    if kind == "not_found":
        return "there is nothing at this path; /openapi.json lists what there is"
    if kind == "not_allowed":
        return f"{request.method} is not allowed at this path"
    return "the request cannot be read"


def _answer(request: Request, problem: Problem) -> Response:
    seen_of(request).problem = problem.kind
    return answer(request.url.path, problem)
