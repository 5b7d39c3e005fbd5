"""The pages of the monitor: all topics, one topic with its texts, and how the model does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from tfsocial.apps.does import Does
from tfsocial.apps.live import Live
from tfsocial.apps.monitor.pages import board, health, topic
from tfsocial.apps.monitor.pages.entrance import HOME, Entrance
from tfsocial.apps.monitor.pages.phrases import PHRASES
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.pages.screen import Screen
from tfsocial.apps.pages.site import routes_of
from tfsocial.apps.pages.staff import StaffPages

HERE = Path(__file__).parent
NAV = {"board": board.PAGE, "health": health.PAGE}


def routes(monitor: Monitor, entrance: Entrance, does: Does, live: Live) -> Sequence[BaseRoute]:
    """Make the routes of all pages."""
    show = Screen(HOME, HERE / "templates", PHRASES, NAV)
    pages = (board.PAGE, topic.PAGE, health.PAGE)
    routers = (
        StaffPages(entrance.staff, show, board.PAGE, pages).router,
        board.BoardPages(monitor, entrance, does, show, live).router,
        topic.TopicPages(monitor, entrance, does, show).router,
        health.HealthPages(monitor, entrance, does, show).router,
    )
    return routes_of(HOME, board.PAGE, HERE / "static", routers)
