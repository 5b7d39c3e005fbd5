"""The first page: what goes on, and a small chart of each topic."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.live import Live
from tfsocial.apps.monitor import alarms
from tfsocial.apps.monitor.pages.entrance import HOME, Entrance
from tfsocial.apps.monitor.pages.spark import spark
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.shown import charted, feed, overview
from tfsocial.apps.pages.screen import Screen, go, told
from tfsocial.apps.pages.staff import Deeds
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web.htmx import is_part

PAGE = f"{HOME}/board"
INCIDENT = f"{HOME}/incident"
SIGN_IN = f"{HOME}/sign-in"
LOOKS = "monitor looks"  # nothing in the log: what pages hear of when counts were looked at
HOURS = 24
MOST = 60  # topics that are shown
Id = Annotated[str, Path(min_length=1, max_length=64)]
Short = Annotated[str, Form(max_length=200)]
Seconds = Annotated[float, Form(gt=0, le=30 * 86_400, allow_inf_nan=False)]


class BoardPages:
    """What goes on, and what is decided on it."""

    def __init__(self, monitor: Monitor, entrance: Entrance, does: Does, show: Screen, live: Live):
        self._monitor, self._entrance, self._does = monitor, entrance, does
        self._show, self._live = show, live
        self._deeds = Deeds(entrance.staff, does, show)
        self.router = APIRouter(include_in_schema=False)
        for method, path, shows in (
            ("GET", PAGE, self.board),
            ("GET", f"{PAGE}/live", self.live),
            ("POST", f"{INCIDENT}/snooze", self.snooze),
            ("POST", f"{INCIDENT}/{{id}}/acknowledge", self.acknowledge),
            ("POST", f"{INCIDENT}/{{id}}/false", self.call_false),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    async def board(self, request: Request) -> Response:
        """Show all topics."""
        agent = self._entrance.staff.name(request)
        return go(SIGN_IN) if agent is None else await self._page(request, agent)

    async def live(self, request: Request) -> Response:
        """Tell an open page that texts or alarms have come."""
        agent = self._entrance.staff.name(request)
        if agent is None:
            raise Problem("unauthenticated", "sign in")
        return told(request, self._live, agent, [LOOKS, alarms.STREAM])

    async def acknowledge(self, request: Request, id: Id) -> Response:
        """Say that an incident was seen."""
        return await self._did(request, partial(self._monitor.acknowledge, id))

    async def call_false(self, request: Request, id: Id) -> Response:
        """Say that an incident was a false alarm."""
        return await self._did(request, partial(self._monitor.call_false, id))

    async def snooze(self, request: Request, topic: Short, seconds: Seconds) -> Response:
        """Tell nobody of a topic for some time."""
        return await self._did(request, partial(self._monitor.snooze, topic, seconds))

    async def _did(self, request: Request, work: Callable[[str], object]) -> Response:
        async def to_board(_: str) -> Response:
            return go(PAGE)

        return await self._deeds(request, work, partial(self._page, request), to_board)

    async def _page(self, request: Request, agent: str, status: int = 200, **more: Any) -> Response:
        def look() -> dict[str, Any]:
            topics = overview(self._monitor)[:MOST]
            charts = {one.topic: self._spark(one.topic) for one in topics}
            snoozed = self._monitor.alarms.snoozed()
            now = self._monitor.now
            return {
                "topics": topics,
                "charts": charts,
                "incidents": feed(self._monitor, 12),
                "state": self._monitor.state(),
                "snoozed": {topic: until for topic, until in snoozed.items() if until > now},
            }

        values = await self._does(request, "manage", look)
        template = "topics.html" if is_part(request) else "board.html"
        return self._show(request, template, status, agent=agent, here="board", **values, **more)

    def _spark(self, topic: str) -> dict[str, Any]:
        return spark(charted(self._monitor, topic, HOURS))
