"""One topic: its counts with what is expected, and the stored texts behind them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import JSONResponse

from tfsocial.apps.does import Does
from tfsocial.apps.monitor.pages.board import SIGN_IN
from tfsocial.apps.monitor.pages.entrance import HOME, Entrance
from tfsocial.apps.monitor.records import WIDTH
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.shown import charted, incidents_of
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web.htmx import is_part
from tfsocial.web.policy import HEADERS

PAGE = f"{HOME}/on"
CHOICES = (6, 24, 72, 168, 840)  # hours
Topic = Annotated[str, Query(min_length=1, max_length=150)]
Hours = Annotated[int, Query(ge=1, le=840)]
Back = Annotated[int, Query(ge=0, le=5040)]
Word = Annotated[str, Query(max_length=200)]


class TopicPages:
    """A topic's chart and texts, now or as they were."""

    def __init__(self, monitor: Monitor, entrance: Entrance, does: Does, show: Screen):
        self._monitor, self._entrance, self._does, self._show = monitor, entrance, does, show
        self.router = APIRouter(prefix=PAGE, include_in_schema=False)
        for path, shows in (("", self.topic), ("/chart", self.chart)):
            self.router.add_api_route(path, shows, methods=["GET"], response_model=None)

    async def topic(
        self,
        request: Request,
        topic: Topic,
        hours: Hours = 24,
        back: Back = 0,
        sentiment: Word = "",
    ) -> Response:
        """Show a topic as it was some buckets ago; 0: as it is."""
        agent = self._entrance.staff.name(request)
        if agent is None:
            return go(SIGN_IN)

        def look() -> dict[str, Any]:
            until = self._until(back)
            chart = charted(self._monitor, topic, hours, until)
            since = chart["start"][0] if chart["start"] else until
            return {
                "chart": chart,
                "until": until,
                "texts": self._monitor.texts(topic, since, until + 1, sentiment),
                "incidents": incidents_of(self._monitor, topic),
                "sentiments": self._monitor.sentiments(topic),
                "rows": list(zip(*(chart[one] for one in COLUMNS), strict=True)),
            }

        asked: dict[str, Any] = {
            "topic": topic,
            "hours": hours,
            "back": back,
            "sentiment": sentiment,
        }
        try:
            values = await self._does(request, "manage", look)
        except Problem as problem:
            error, status = self._show.said(problem, request)
            return self._show(request, "unknown.html", status, agent=agent, here="", error=error)
        template = "texts.html" if is_part(request) else "topic.html"
        return self._show(
            request, template, agent=agent, here="", choices=CHOICES, **asked, **values
        )

    async def chart(
        self, request: Request, topic: Topic, hours: Hours = 24, back: Back = 0
    ) -> Response:
        """Give the chart's numbers."""
        if self._entrance.staff.name(request) is None:
            raise Problem("unauthenticated", "sign in")
        look = partial(charted, self._monitor, topic, hours, self._until(back))
        return JSONResponse(await self._does(request, "manage", look), headers=HEADERS)

    def _until(self, back: int) -> float:
        return self._monitor.now - back * WIDTH


COLUMNS = ("start", "negative", "expected", "low", "high", "all")
