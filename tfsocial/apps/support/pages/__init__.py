"""The pages of customer service: a customer's talk, the agents' inbox, what the base lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tfsocial import web
from tfsocial.apps.live import Live
from tfsocial.apps.support.does import Does
from tfsocial.apps.support.pages import chat, inbox, review
from tfsocial.apps.support.pages.entrance import Entrance
from tfsocial.apps.support.pages.screen import HERE, Screen, go
from tfsocial.apps.support.service import Support


def routes(
    support: Support, entrance: Entrance, does: Does, live: Live, masked: Callable[[str], str]
) -> Sequence[BaseRoute]:
    """Make the routes of all pages."""
    show = Screen()
    routers = (
        chat.ChatPages(support, entrance, does, show, live, masked).router,
        inbox.InboxPages(support, entrance, does, show, live, masked).router,
        review.ReviewPages(support, entrance, does, show).router,
    )
    return [
        Route("/", _home),
        Route("/support", _home),
        Mount("/web", StaticFiles(directory=web.STATIC)),
        Mount("/support/static", StaticFiles(directory=HERE / "static")),
        *(route for router in routers for route in router.routes),
    ]


async def _home(_: Request) -> Response:
    return go(chat.PAGE)
