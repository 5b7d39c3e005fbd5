"""A visitor's page: a list with reasons, what they did, how diverse it is, and how to leave."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from starlette.concurrency import run_in_threadpool

from tfsocial.apps.does import Does
from tfsocial.apps.events import Event
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.apps.recommend import history
from tfsocial.apps.recommend.choices import Choice
from tfsocial.apps.recommend.pages.entrance import VISITED as PAGE
from tfsocial.apps.recommend.pages.entrance import Entrance
from tfsocial.apps.recommend.records import Listed
from tfsocial.apps.recommend.service import Recommender
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web.htmx import is_part
from tfsocial.web.policy import HEADERS

SHOWN = 12  # items of a list
ASKED = 24  # items that a newcomer picks from
A_MINUTE = 40  # deeds of a visitor in a minute
DONE = 30  # of what they did that is shown
Short = Annotated[str, Form(max_length=100)]
Many = Annotated[list[str], Form(max_length=10)]
Share = Annotated[float, Form(ge=0, le=1, allow_inf_nan=False)]


class ForYouPages:
    """What a visitor sees and does; who they are is in a cookie."""

    def __init__(self, recommender: Recommender, entrance: Entrance, does: Does, show: Screen):
        self._recommender, self._entrance = recommender, entrance
        self._does, self._show = does, show
        self.router = APIRouter(prefix=PAGE, include_in_schema=False)
        for method, path, shows in (
            ("GET", "", self.show_list),
            ("GET", "/mine", self.mine),
            ("POST", "/begin", self.begin),
            ("POST", "/deed", self.deed),
            ("POST", "/diversity", self.diversity),
            ("POST", "/follow", self.follow),
            ("POST", "/forget", self.forget),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    # --- seen ----------------------------------------------------------------------------------

    async def show_list(self, request: Request, forgotten: bool = False) -> Response:
        """Show what a visitor may like, or to a newcomer what they may pick from."""
        if self._entrance.visitor(request) is None:
            values = await run_in_threadpool(self._beginning, Choice())
            response = self._show(request, "for_you.html", forgotten=forgotten, **values)
            self._entrance.let_in(request, response)
            return response
        return await self._page(request)

    async def mine(self, request: Request) -> Response:
        """Give a visitor all that is kept of them."""
        find = partial(self._recommender.of_person, self._who(request))
        events = await self._does(request, "embed", find)
        kept = [
            {"what": one.stream.partition(" ")[0], "happened": one.happened, **one.content}
            for one in events
        ]
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="mine.json"'}
        body = json.dumps(kept, ensure_ascii=False, indent=2)
        return Response(body, media_type="application/json", headers=headers)

    # --- done ----------------------------------------------------------------------------------

    async def begin(self, request: Request, interests: Many = []) -> Response:  # noqa: B006
        """Keep what a newcomer picks."""
        return await self._chosen(request, lambda one: replace(one, interests=tuple(interests)))

    async def deed(
        self, request: Request, key: Short, item: Short, kind: Short, list: Short = ""
    ) -> Response:
        """Keep what a visitor does with an item."""
        person = self._who(request)

        def add() -> None:
            self._check_pace(person)
            content = {"kind": kind, "item": item, "list": list}
            event = Event(history.STREAM, f"{person} {key}", time.time(), content, person)
            self._recommender.shelf.get(item)
            self._recommender.add([history.checked(event, "deed")])

        return await self._did(request, add)

    async def diversity(self, request: Request, diversity: Share) -> Response:
        """Keep how unlike each other a visitor wants the items to be."""
        return await self._chosen(request, lambda one: replace(one, diversity=diversity))

    async def follow(self, request: Request, followed: Annotated[bool, Form()]) -> Response:
        """Follow a visitor no longer, and erase what was kept; or follow them again."""
        return await self._chosen(request, lambda one: replace(one, followed=followed))

    async def forget(self, request: Request) -> Response:
        """Erase all that a visitor did."""
        await self._does(request, "embed", partial(self._recommender.forget, self._who(request)))
        response = go(f"{PAGE}?forgotten=true")
        self._entrance.let_out(response)
        return response

    # --- inside --------------------------------------------------------------------------------

    def _who(self, request: Request) -> str:
        session = self._entrance.visitor(request)
        if session is None:
            raise Problem("invalid", "cookies: this page needs one; allow it, and open the page")
        return f"web-{session['id']}"

    def _check_pace(self, person: str) -> None:
        since = time.time() - 60
        late = [one for one in self._recommender.deeds_of(person) if one.happened > since]
        if len(late) >= A_MINUTE:
            raise Problem("quota", "too much was done in a minute; wait a moment", 60.0)

    async def _chosen(self, request: Request, changed: Callable[[Choice], Choice]) -> Response:
        person = self._who(request)

        def choose() -> None:
            choice = self._recommender.choices.of(person)
            self._recommender.choose(person, changed(choice))

        return await self._did(request, choose)

    async def _did(self, request: Request, work: Callable[[], object]) -> Response:
        try:
            await self._does(request, "embed", work)
        except Problem as problem:
            error, status = self._show.said(problem, request)
            return await self._page(request, status, error=error)
        return await self._page(request) if is_part(request) else go(PAGE)

    async def _page(self, request: Request, status: int = 200, **more: Any) -> Response:
        look = partial(self._values, self._who(request), self._show.words(request))
        values = {"forgotten": False, **await self._does(request, "embed", look), **more}
        name = "list.html" if is_part(request) else "for_you.html"
        return self._show(request, name, status, **values)

    def _values(self, person: str, words: Mapping[str, str]) -> dict[str, Any]:
        choice = self._recommender.choices.of(person)
        done = self._recommender.deeds_of(person)
        if choice.followed and not done and not choice.interests:
            return self._beginning(choice)
        made = self._recommender.recommend(person, SHOWN)
        known = self._recommender.shelf.shown.items
        titles = [(one, known[one.item].title) for one in reversed(done) if one.item in known]
        return {
            "picks": [],
            "list": made,
            "reasons": [self._reason(one, words) for one in made.items],
            "choice": choice,
            "diversity": self._diversity(choice),
            "done": titles[:DONE],
            "interests": [known[one].title for one in choice.interests if one in known],
            "keys": _keys(made.items),
        }

    def _beginning(self, choice: Choice) -> dict[str, Any]:
        return {
            "picks": self._recommender.beginnings(ASKED),
            "list": None,
            "choice": choice,
            "diversity": self._diversity(choice),
            "done": [],
            "interests": [],
        }

    def _diversity(self, choice: Choice) -> float:
        own = choice.diversity
        return self._recommender.rules.diversity if own is None else own

    def _reason(self, one: Listed, words: Mapping[str, str]) -> str:
        named = self._recommender.shelf.shown.items.get(one.reason.item)
        title = named.title if named and named.title else one.reason.item
        return words[f"reason_{one.reason.kind}"].format(item=title)


def _keys(items: Sequence[Listed]) -> list[str]:
    """Make a key for each item's form, so that it is done once however often it is sent."""
    return [secrets.token_urlsafe(9) for _ in items]
