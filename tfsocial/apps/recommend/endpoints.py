"""The recommender over HTTP: items and deeds come in; lists go out; persons go.

A key that may `embed` with the model sends deeds and asks for lists; one that may `manage` it
decides on items, persons and rankings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from tfsocial.apps.does import Does
from tfsocial.apps.recommend import reading
from tfsocial.apps.recommend.choices import MOST_INTERESTS, Choice
from tfsocial.apps.recommend.records import MOST_LISTED
from tfsocial.apps.recommend.service import Recommender
from tfsocial.serving.gateway.dialects.plain import ANSWERS

Id = Annotated[str, Path(min_length=1, max_length=100)]
Person = Annotated[str, Path(min_length=1, max_length=200)]
Name = Annotated[str, Field(max_length=100)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Asked(BaseModel):
    """What a list is asked for."""

    model_config = ConfigDict(extra="forbid")
    person: str = Field("", max_length=200)
    count: int = Field(12, ge=1, le=MOST_LISTED)
    diversity: Share | None = None
    interests: list[Name] = Field(default=[], max_length=MOST_INTERESTS)
    without: list[Name] = Field(default=[], max_length=1000)
    reasons: bool = True
    explore: bool = True


class Chosen(BaseModel):
    """What a person chooses."""

    model_config = ConfigDict(extra="forbid")
    interests: list[Name] = Field(default=[], max_length=MOST_INTERESTS)
    diversity: Share | None = None
    followed: bool = True


class Endpoints:
    """The routes of a recommender.

    Args:
        fit: has a ranking fitted as soon as it can be.
    """

    def __init__(self, recommender: Recommender, does: Does, fit: Callable[[], None]):
        self._recommender, self._does, self._fit = recommender, does, fit
        self.router = APIRouter(prefix="/recommend", responses=ANSWERS)
        for method, path, answer in (
            ("POST", "/items", self.put),
            ("DELETE", "/items/{id}", self.withdraw),
            ("POST", "/deeds", self.add),
            ("POST", "/lists", self.make_list),
            ("GET", "/state", self.state),
            ("GET", "/rankings", self.rankings),
            ("POST", "/rankings", self.fit),
            ("POST", "/rankings/{number}/use", self.use),
            ("PUT", "/persons/{person}/choice", self.choose),
            ("GET", "/persons/{person}", self.export),
            ("DELETE", "/persons/{person}", self.forget),
        ):
            self.router.add_api_route(path, answer, methods=[method])

    async def put(self, request: Request) -> dict[str, int]:
        """Offer items, one of JSON a line (NDJSON): all of them, or none."""
        body = await request.body()

        def put() -> int:
            return self._recommender.put(reading.items_of_body(body))

        return {"changed": await self._does(request, "manage", put)}

    async def withdraw(self, request: Request, id: Id) -> None:
        """Recommend an item no longer."""
        await self._does(request, "manage", partial(self._recommender.withdraw, [id]))

    async def add(self, request: Request) -> dict[str, int]:
        """Take what persons did, one of JSON a line (NDJSON): all of it, or nothing."""
        body = await request.body()

        def add() -> int:
            return self._recommender.add(reading.deeds_of_body(body))

        return {"new": await self._does(request, "embed", add)}

    async def make_list(self, request: Request, body: Asked) -> dict[str, Any]:
        """Make a list for somebody."""
        make = partial(self._recommender.recommend, **body.model_dump())
        return asdict(await self._does(request, "embed", make))

    async def state(self, request: Request) -> dict[str, Any]:
        """Tell how far it is."""
        return asdict(await self._does(request, "manage", self._recommender.state))

    async def rankings(self, request: Request) -> list[dict[str, Any]]:
        """List the rankings that can be used, with what was measured of each, the newest first."""
        found = await self._does(request, "manage", self._recommender.rankings.all)
        return [asdict(one) for one in found]

    async def fit(self, request: Request) -> None:
        """Have a ranking fitted anew, in the background."""
        await self._does(request, "manage", self._fit)

    async def use(self, request: Request, number: int) -> None:
        """Make lists by a ranking from now on, as by one before."""
        await self._does(request, "manage", partial(self._recommender.use, number))

    async def choose(self, request: Request, person: Person, body: Chosen) -> None:
        """Keep what a person chooses."""
        choice = Choice(tuple(body.interests), body.diversity, body.followed)
        await self._does(request, "embed", partial(self._recommender.choose, person, choice))

    async def export(self, request: Request, person: Person) -> list[dict[str, Any]]:
        """Give all that is kept of a person."""
        found = await self._does(request, "manage", partial(self._recommender.of_person, person))
        return [asdict(event) for event in found]

    async def forget(self, request: Request, person: Person) -> dict[str, int]:
        """Erase what a person did, and that it was they."""
        count = await self._does(request, "manage", partial(self._recommender.forget, person))
        return {"events": count}
