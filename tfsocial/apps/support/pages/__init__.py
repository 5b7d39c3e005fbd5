"""The pages of customer service: a customer's talk, the agents' inbox, what the base lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from tfsocial.apps.does import Does
from tfsocial.apps.live import Live
from tfsocial.apps.pages.screen import Screen
from tfsocial.apps.pages.site import routes_of
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
    return routes_of(HOME, chat.PAGE, HERE / "static", routers)
