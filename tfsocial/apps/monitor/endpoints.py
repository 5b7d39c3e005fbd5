"""The monitor over HTTP: texts come in; topics, texts and incidents are seen; persons go.

A key that may `classify` with the model sends texts; one that may `manage` it sees and decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from tfsocial.apps.does import Does
from tfsocial.apps.events import Event
from tfsocial.apps.monitor import reading
from tfsocial.apps.monitor.incidents import Incident
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.shown import charted, overview
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.dialects.plain import ANSWERS

Topic = Annotated[str, Path(min_length=1, max_length=150)]
Id = Annotated[str, Path(min_length=1, max_length=64)]
Time = Annotated[float, Query(ge=0, le=253_402_300_799, allow_inf_nan=False)]


class Snooze(BaseModel):
    """How long nobody is to be told of a topic."""

    model_config = ConfigDict(extra="forbid")
    topic: str = Field(min_length=1, max_length=150)
    seconds: float = Field(3600.0, allow_inf_nan=False)


class Endpoints:
    """The routes of a monitor.

    Args:
        kept: makes of a text's event what is kept of it.
        wake: is called when texts have come.
    """

    def __init__(
        self,
        monitor: Monitor,
        kept: Callable[[Event], Event],
        does: Does,
        wake: Callable[[], None],
    ):
        self._monitor, self._kept, self._does, self._wake = monitor, kept, does, wake
        self.router = APIRouter(prefix="/monitor", responses=ANSWERS)
        for method, path, answer in (
            ("POST", "/texts", self.add),
            ("GET", "/state", self.state),
            ("GET", "/topics", self.topics),
            ("GET", "/topics/{topic}", self.topic),
            ("GET", "/topics/{topic}/texts", self.texts),
            ("GET", "/incidents", self.incidents),
            ("POST", "/incidents/{id}/acknowledge", self.acknowledge),
            ("POST", "/incidents/{id}/false", self.call_false),
            ("POST", "/snooze", self.snooze),
            ("GET", "/persons/{person}", self.export),
            ("DELETE", "/persons/{person}", self.forget),
        ):
            self.router.add_api_route(path, answer, methods=[method])

    async def add(self, request: Request) -> dict[str, int]:
        """Take texts, one of JSON a line (NDJSON): all of them, or none."""
        body = await request.body()

        def add() -> int:
            return self._monitor.add(map(self._kept, reading.of_lines(body)))

        new = await self._does(request, "classify", add)
        self._wake()
        return {"new": new}

    async def state(self, request: Request) -> dict[str, Any]:
        """Tell how far it is, and which version of the model counts."""
        return asdict(await self._does(request, "manage", self._monitor.state))

    async def topics(self, request: Request) -> list[dict[str, Any]]:
        """List all topics: the last hour and day, and what is expected."""
        found = await self._does(request, "manage", partial(overview, self._monitor))
        return [asdict(one) for one in found]

    async def topic(self, request: Request, topic: Topic, hours: int = 24) -> dict[str, Any]:
        """Give the counts of a topic by buckets of ten minutes."""
        hours = min(max(hours, 1), 24 * 35)
        return await self._does(request, "manage", partial(charted, self._monitor, topic, hours))

    async def texts(
        self,
        request: Request,
        topic: Topic,
        since: Time = 0.0,
        until: Time = 253_402_300_799,
        sentiment: str = "",
    ) -> list[dict[str, Any]]:
        """List stored texts of a topic, copies folded, the latest first."""
        look = partial(self._monitor.texts, topic, since, until, sentiment)
        return [asdict(one) for one in await self._does(request, "manage", look)]

    async def incidents(self, request: Request) -> list[dict[str, Any]]:
        """List all incidents, the latest first."""
        return [
            asdict(one) for one in await self._does(request, "manage", self._monitor.alarms.all)
        ]

    async def acknowledge(self, request: Request, id: Id) -> dict[str, Any]:
        """Say that somebody has seen an incident."""
        return await self._decided(request, self._monitor.acknowledge, id)

    async def call_false(self, request: Request, id: Id) -> dict[str, Any]:
        """Say that an incident was a false alarm; the same would not alarm again."""
        return await self._decided(request, self._monitor.call_false, id)

    async def snooze(self, request: Request, body: Snooze) -> None:
        """Tell nobody of a topic for some time."""
        who = self._caller(request)
        await self._does(
            request, "manage", partial(self._monitor.snooze, body.topic, body.seconds, who)
        )

    async def export(self, request: Request, person: str) -> list[dict[str, Any]]:
        """Give all that is kept of a person."""
        found = await self._does(request, "manage", partial(self._monitor.of_person, person))
        return [asdict(event) for event in found]

    async def forget(self, request: Request, person: str) -> dict[str, int]:
        """Erase a person's texts, and that they were theirs."""
        return {
            "events": await self._does(request, "manage", partial(self._monitor.forget, person))
        }

    async def _decided(
        self, request: Request, decide: Callable[[str, str], Incident], id: str
    ) -> dict[str, Any]:
        decided = partial(decide, id, self._caller(request))
        return asdict(await self._does(request, "manage", decided))

    def _caller(self, request: Request) -> str:
        caller: Caller = request.scope["state"]["caller"]
        return caller.credential
