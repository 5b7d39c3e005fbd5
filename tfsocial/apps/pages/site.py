"""The routes of an application's pages, with the files that they need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tfsocial import web
from tfsocial.apps.pages.screen import go


def routes_of(
    home: str, first: str, static: Path, routers: Sequence[APIRouter]
) -> Sequence[BaseRoute]:
    """Make the routes of all pages.

    Args:
        home: path that they are under.
        first: page that who names none comes to.
        static: folder of files of their own.
    """

    async def to_first(_: Request) -> Response:
        return go(first)

    return [
        Route("/", to_first),
        Route(home, to_first),
        Mount("/web", StaticFiles(directory=web.STATIC)),
        Mount(f"{home}/static", StaticFiles(directory=static)),
        *(route for router in routers for route in router.routes),
    ]
