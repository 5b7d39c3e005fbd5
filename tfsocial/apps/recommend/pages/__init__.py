"""The pages of the recommender: a visitor's list, and the operators' report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from tfsocial.apps.does import Does
from tfsocial.apps.pages.screen import Screen
from tfsocial.apps.pages.site import routes_of
from tfsocial.apps.pages.staff import StaffPages
from tfsocial.apps.recommend.pages import for_you, report
from tfsocial.apps.recommend.pages.entrance import HOME, Entrance
from tfsocial.apps.recommend.pages.phrases import PHRASES
from tfsocial.apps.recommend.service import Recommender

HERE = Path(__file__).parent
NAV = {"report": report.PAGE}


def routes(
    recommender: Recommender, entrance: Entrance, does: Does, fit: Callable[[], None]
) -> Sequence[BaseRoute]:
    """Make the routes of all pages.

    Args:
        fit: has a ranking fitted soon.
    """
    show = Screen(HOME, HERE / "templates", PHRASES, NAV)
    pages = (for_you.PAGE, report.PAGE)
    routers = (
        StaffPages(entrance.staff, show, report.PAGE, pages).router,
        for_you.ForYouPages(recommender, entrance, does, show).router,
        report.ReportPages(recommender, entrance, does, show, fit).router,
    )
    return routes_of(HOME, for_you.PAGE, HERE / "static", routers)
