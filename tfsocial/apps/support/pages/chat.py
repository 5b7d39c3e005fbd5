"""The customer's page: a talk, its sources, and a person at any time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.live import Live
from tfsocial.apps.pages.screen import Screen, go, told
from tfsocial.apps.support.desk import STREAM as DESK
from tfsocial.apps.support.pages.entrance import Entrance
from tfsocial.apps.support.pages.shown import items
from tfsocial.apps.support.service import LONGEST, Support
from tfsocial.apps.support.talk import Talk
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web.htmx import is_part
from tfsocial.web.policy import HEADERS

PAGE = "/support/chat"
A_MINUTE = 20  # messages of a visitor in a minute
Short = Annotated[str, Form(max_length=64)]
Yes = Annotated[bool, Form()]
Text = Annotated[str, Form(max_length=2 * LONGEST)]


class ChatPages:
    """What a customer sees and does; who they are is in a cookie.

    Args:
        masked: what is kept of a text, and read by the model.
    """

    def __init__(
        self,
        support: Support,
        entrance: Entrance,
        does: Does,
        show: Screen,
        live: Live,
        masked: Callable[[str], str],
    ):
        self._support, self._entrance, self._does = support, entrance, does
        self._show, self._live, self._masked = show, live, masked
        self.router = APIRouter(prefix=PAGE, include_in_schema=False)
        for method, path, shows in (
            ("GET", "", self.chat),
            ("GET", "/turns", self.turns),
            ("GET", "/live", self.live),
            ("GET", "/mine", self.mine),
            ("POST", "/say", self.say),
            ("POST", "/person", self.person),
            ("POST", "/thumb", self.thumb),
            ("POST", "/new", self.new),
            ("POST", "/forget", self.forget),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    # --- seen ------------------------------------------------------------------------------

    async def chat(self, request: Request, forgotten: bool = False) -> Response:
        """Show the talk, to a newcomer an empty one."""
        if self._entrance.visitor(request) is None:
            response = self._show(request, "chat.html", forgotten=forgotten, text="", **_of(Talk()))
            self._entrance.let_in(request, response, talk="1")
            return response
        return await self._page(request)

    async def turns(self, request: Request) -> Response:
        """Show what was said, for a page that is open."""
        found = await self._values(request)
        return self._show(request, "turns.html", **found)

    async def live(self, request: Request) -> Response:
        """Tell an open page that something was said."""
        person, talk = self._who(request)
        return told(request, self._live, person, [f"talk:{talk}", DESK])

    async def mine(self, request: Request) -> Response:
        """Give a customer all that is kept of them."""
        person, _ = self._who(request)
        events = await self._does(request, "embed", partial(self._support.of_person, person))
        kept = [{"happened": one.happened, "content": dict(one.content)} for one in events]
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="talk.json"'}
        body = json.dumps(kept, ensure_ascii=False, indent=2)
        return Response(body, media_type="application/json", headers=headers)

    # --- done ------------------------------------------------------------------------------

    async def say(self, request: Request, key: Short, text: Text = "") -> Response:
        """Answer a message."""
        person, name = self._who(request)
        kept = self._masked(text)

        def say() -> None:
            talk = self._support.talk(name)
            since = time.time() - 60
            late = [one for one in talk.turns if one.kind == "message" and one.at > since]
            if len(late) >= A_MINUTE and key not in talk.replied:
                raise Problem("quota", "too many messages a minute; wait a moment", 60.0)
            self._support.say(name, key, kept, person)

        return await self._did(request, say, text, key)

    async def person(self, request: Request, key: Short) -> Response:
        """Hand the talk over to a person."""
        person, name = self._who(request)
        hand_over = partial(self._support.person_please, name, key, person)
        return await self._did(request, hand_over)

    async def thumb(self, request: Request, key: Short, to: Short, up: Yes) -> Response:
        """Keep whether a reply helped."""
        person, name = self._who(request)
        return await self._did(request, partial(self._support.thumb, name, key, to, up, person))

    async def new(self, request: Request) -> Response:
        """Begin another talk; the one before is kept."""
        session = self._session(request)
        response = go(PAGE)
        self._entrance.let_in(request, response, talk=str(int(session["talk"]) + 1))
        return response

    async def forget(self, request: Request) -> Response:
        """Erase all that a customer said."""
        person, _ = self._who(request)
        await self._does(request, "embed", partial(self._support.forget, person))
        response = go(f"{PAGE}?forgotten=true")
        self._entrance.let_out(response)
        return response

    # --- inside ----------------------------------------------------------------------------

    def _session(self, request: Request) -> Mapping[str, str]:
        session = self._entrance.visitor(request)
        if session is None:
            raise Problem("invalid", "cookies: this page needs one; allow it, and open the page")
        return session

    def _who(self, request: Request) -> tuple[str, str]:
        """Give person and talk."""
        session = self._session(request)
        return f"web-{session['id']}", f"web-{session['id']}-{session['talk']}"

    async def _did(
        self, request: Request, does: Callable[[], object], text: str = "", key: str = ""
    ) -> Response:
        """Do something and show the talk; what could not be sent stays in its field."""
        try:
            await self._does(request, "embed", does)
        except Problem as problem:
            error, status = self._show.said(problem, request)
            again = {"key": key} if key else {}
            return await self._page(request, status, error=error, text=text, **again)
        return await self._page(request) if is_part(request) else go(PAGE)

    async def _page(self, request: Request, status: int = 200, **more: Any) -> Response:
        values = {"text": "", "forgotten": False, **await self._values(request), **more}
        name = "talk.html" if is_part(request) else "chat.html"
        return self._show(request, name, status, **values)

    async def _values(self, request: Request) -> dict[str, Any]:
        _, name = self._who(request)

        def look() -> dict[str, Any]:
            talk = self._support.talk(name)
            waits = talk.state == "waiting"
            return _of(talk) | {
                "items": items(talk, self._support.knowledge.get, self._show.words(request)),
                "place": self._support.desk.place(name) if waits else 0,
                "staffed": not waits or self._support.desk.staffed(),
            }

        return await self._does(request, "embed", look)


def _of(talk: Talk) -> dict[str, Any]:
    return {"items": [], "state": talk.state, "has_it": talk.agent, "place": 0, "staffed": True}
