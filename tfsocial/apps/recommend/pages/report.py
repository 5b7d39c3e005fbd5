"""The operators' page: rankings, how they do, and what lists come to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.apps.pages.staff import Deeds
from tfsocial.apps.recommend.pages.entrance import HOME, Entrance
from tfsocial.apps.recommend.report import report
from tfsocial.apps.recommend.service import Recommender

PAGE = f"{HOME}/report"


class ReportPages:
    """What operators see and decide.

    Args:
        fit: has a ranking fitted soon.
    """

    def __init__(
        self,
        recommender: Recommender,
        entrance: Entrance,
        does: Does,
        show: Screen,
        fit: Callable[[], None],
    ):
        self._recommender, self._entrance, self._does = recommender, entrance, does
        self._show, self._fit = show, fit
        self._deeds = Deeds(entrance.staff, does, show)
        self.router = APIRouter(prefix=PAGE, include_in_schema=False)
        for method, path, shows in (
            ("GET", "", self.report),
            ("POST", "/use", self.use),
            ("POST", "/fit", self.fit),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    async def report(self, request: Request, asked: bool = False) -> Response:
        """Show how it does."""
        agent = self._entrance.staff.name(request)
        if agent is None:
            return go(f"{HOME}/sign-in")
        return await self._page(request, agent, asked=asked)

    async def use(self, request: Request, number: Annotated[int, Form()]) -> Response:
        """Make lists by another ranking."""
        return await self._did(request, lambda _: self._recommender.use(number), PAGE)

    async def fit(self, request: Request) -> Response:
        """Have a ranking fitted."""
        return await self._did(request, lambda _: self._fit(), f"{PAGE}?asked=true")

    async def _did(self, request: Request, work: Callable[[str], object], to: str) -> Response:
        async def done(_: str) -> Response:
            return go(to)

        return await self._deeds(request, work, partial(self._page, request), done)

    async def _page(self, request: Request, agent: str, status: int = 200, **more: Any) -> Response:
        found = await self._does(request, "manage", partial(report, self._recommender))
        values = {"asked": False, "error": "", **more}
        return self._show(
            request, "report.html", status, agent=agent, here="report", report=found, **values
        )
