"""The pages of customer service: a customer's talk, the agents' inbox, what the base lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tfsocial import web
from tfsocial.apps.does import Does
from tfsocial.apps.live import Live
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.apps.pages.staff import StaffPages
from tfsocial.apps.support.pages import chat, inbox, review
from tfsocial.apps.support.pages.entrance import HOME, Entrance
from tfsocial.apps.support.pages.phrases import PHRASES
from tfsocial.apps.support.service import Support

HERE = Path(__file__).parent
NAV = {"inbox": inbox.PAGE, "review": review.PAGE}


def routes(
    support: Support, entrance: Entrance, does: Does, live: Live, masked: Callable[[str], str]
) -> Sequence[BaseRoute]:
    """Make the routes of all pages."""
    show = Screen(HOME, HERE / "templates", PHRASES, NAV)
    pages = (chat.PAGE, *NAV.values())
    routers = (
        StaffPages(entrance.staff, show, inbox.PAGE, pages).router,
        chat.ChatPages(support, entrance, does, show, live, masked).router,
        inbox.InboxPages(support, entrance, does, show, live, masked).router,
        review.ReviewPages(support, entrance, does, show).router,
    )
    return [
        Route("/", _home),
        Route(HOME, _home),
        Mount("/web", StaticFiles(directory=web.STATIC)),
        Mount(f"{HOME}/static", StaticFiles(directory=HERE / "static")),
        *(route for router in routers for route in router.routes),
    ]


async def _home(_: Request) -> Response:
    return go(chat.PAGE)
