"""The agents' pages: who waits and why, a talk, and what may answer it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.live import Live
from tfsocial.apps.pages.screen import Screen, go, told
from tfsocial.apps.pages.staff import Deeds
from tfsocial.apps.support.asking import wants_person
from tfsocial.apps.support.desk import STREAM as DESK
from tfsocial.apps.support.pages.entrance import Entrance
from tfsocial.apps.support.pages.shown import items
from tfsocial.apps.support.service import LONGEST, Support
from tfsocial.apps.support.talk import Talk
from tfsocial.serving.gateway.problems import Problem
from tfsocial.web.htmx import is_part

PAGE = "/support/inbox"
SIGN_IN = "/support/sign-in"
Name = Annotated[str, Path(min_length=1, max_length=64)]
Short = Annotated[str, Form(max_length=200)]
Text = Annotated[str, Form(max_length=5 * LONGEST)]


class InboxPages:
    """What an agent sees and does.

    Args:
        masked: what is kept of a text.
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
        self._deeds = Deeds(entrance.staff, does, show)
        self.router = APIRouter(include_in_schema=False)
        for method, path, shows in (
            ("GET", PAGE, self.inbox),
            ("GET", f"{PAGE}/live", self.live),
            ("GET", f"{PAGE}/{{talk}}", self.talk),
            ("GET", f"{PAGE}/{{talk}}/turns", self.turns),
            ("POST", f"{PAGE}/{{talk}}/claim", self.claim),
            ("POST", f"{PAGE}/{{talk}}/answer", self.answer),
            ("POST", f"{PAGE}/{{talk}}/resolve", self.resolve),
            ("POST", f"{PAGE}/{{talk}}/propose", self.propose),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    # --- seen ------------------------------------------------------------------------------

    async def inbox(self, request: Request) -> Response:
        """Show who waits."""
        agent = self._entrance.agent(request)
        if agent is None:
            return go(SIGN_IN)
        waiting = await self._does(request, "manage", partial(self._support.inbox, agent))
        name = "waiting.html" if is_part(request) else "inbox.html"
        return self._show(request, name, agent=agent, here="inbox", waiting=waiting)

    async def talk(self, request: Request, talk: Name) -> Response:
        """Show a talk, and what may answer it."""
        agent = self._entrance.agent(request)
        if agent is None:
            return go(SIGN_IN)
        return await self._page(request, talk, agent)

    async def turns(self, request: Request, talk: Name) -> Response:
        """Show what was said, for a page that is open."""
        if self._entrance.agent(request) is None:
            return go(SIGN_IN)

        def look() -> list[dict[str, Any]]:
            words = self._show.words(request)
            return items(self._support.talk(talk), self._support.knowledge.get, words)

        found = await self._does(request, "manage", look)
        return self._show(request, "turns.html", items=found, agent_sees=True)

    async def live(self, request: Request, talk: str = "") -> Response:
        """Tell an open page that something happened."""
        agent = self._entrance.agent(request)
        if agent is None:
            raise Problem("unauthenticated", "sign in")
        streams = [DESK, *([f"talk:{talk}"] if talk else [])]
        return told(request, self._live, agent, streams)

    # --- done ------------------------------------------------------------------------------

    async def claim(self, request: Request, talk: Name, key: Short) -> Response:
        """Take a talk."""
        return await self._did(request, talk, lambda agent: self._support.claim(talk, key, agent))

    async def answer(self, request: Request, talk: Name, key: Short, text: Text = "") -> Response:
        """Write to the customer."""
        kept = self._masked(text)
        return await self._did(
            request, talk, lambda agent: self._support.answer_as(talk, key, agent, kept), text
        )

    async def resolve(self, request: Request, talk: Name, key: Short) -> Response:
        """Give a talk back: it is settled."""
        return await self._did(request, talk, lambda agent: self._support.resolve(talk, key, agent))

    async def propose(
        self, request: Request, talk: Name, question: Text = "", answer: Text = ""
    ) -> Response:
        """Propose what was answered as a question of the base."""
        return await self._did(
            request,
            talk,
            lambda agent: self._support.propose(question, answer, agent, talk),
            to="/support/review",
        )

    # --- inside ----------------------------------------------------------------------------

    async def _did(
        self,
        request: Request,
        talk: str,
        does: Callable[[str], object],
        text: str = "",
        to: str = "",
    ) -> Response:
        """Do something as the agent who asks; what could not be sent stays in its field."""

        async def done(agent: str) -> Response:
            if to or not is_part(request):
                return go(to or f"{PAGE}/{talk}")
            return await self._page(request, talk, agent)

        page = partial(self._page, request, talk, text=text)
        return await self._deeds(request, does, page, done)

    async def _page(
        self, request: Request, name: str, agent: str, status: int = 200, **more: Any
    ) -> Response:
        def look() -> dict[str, Any]:
            self._support.desk.here(agent)
            talk = self._support.talk(name)
            return {
                "items": items(talk, self._support.knowledge.get, self._show.words(request)),
                "state": talk.state,
                "reason": talk.reason,
                "has_it": talk.agent,
                "suggested": self._support.suggested(name),
                **_last(talk),
            }

        values = await self._does(request, "manage", look)
        values |= {"agent": agent, "here": "inbox", "talk": name, "text": "", **more}
        template = "case.html" if is_part(request) else "inbox_talk.html"
        return self._show(request, template, status, **values)


def _last(talk: Talk) -> dict[str, str]:
    """Give what a proposal begins with: the last message before an agent's last text."""
    question = answer = ""
    for turn in talk.turns:
        if turn.kind == "agent":
            answer = turn.content["text"]
        elif turn.kind == "message" and not answer and not wants_person(turn.content["text"]):
            question = turn.content["text"]
    return {"last_question": question, "last_answer": answer}
