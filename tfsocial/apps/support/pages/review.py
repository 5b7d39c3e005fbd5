"""The page of who writes the base: what is proposed, what it lacks, where it repeats itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response

from tfsocial.apps.does import Does
from tfsocial.apps.pages.screen import Screen, go
from tfsocial.apps.pages.staff import Deeds
from tfsocial.apps.support.knowledge import LONGEST, Faq, checked
from tfsocial.apps.support.pages.entrance import Entrance
from tfsocial.apps.support.pages.inbox import SIGN_IN
from tfsocial.apps.support.service import Support

PAGE = "/support/review"
Short = Annotated[str, Form(max_length=200)]
Text = Annotated[str, Form(max_length=2 * LONGEST)]


class ReviewPages:
    """What is proposed and lacking, and what is decided on it."""

    def __init__(self, support: Support, entrance: Entrance, does: Does, show: Screen):
        self._support, self._entrance, self._does, self._show = support, entrance, does, show
        self._deeds = Deeds(entrance.staff, does, show)
        self.router = APIRouter(include_in_schema=False)
        for method, path, shows in (
            ("GET", PAGE, self.review),
            ("POST", f"{PAGE}/propose", self.propose),
            ("POST", f"{PAGE}/publish", self.publish),
            ("POST", f"{PAGE}/drop", self.drop),
            ("POST", f"{PAGE}/both", self.both),
            ("POST", f"{PAGE}/withdraw", self.withdraw),
        ):
            self.router.add_api_route(path, shows, methods=[method], response_model=None)

    async def review(self, request: Request) -> Response:
        """Show drafts, unanswered questions, and pairs that are alike."""
        agent = self._entrance.agent(request)
        return go(SIGN_IN) if agent is None else await self._page(request, agent)

    async def propose(self, request: Request, question: Text = "", answer: Text = "") -> Response:
        """Propose a question."""
        return await self._did(
            request, lambda agent: self._support.propose(question, answer, agent)
        )

    async def publish(
        self, request: Request, name: Short, question: Text = "", answer: Text = ""
    ) -> Response:
        """Make a draft live, as the reviewer wrote it."""

        def publish(agent: str) -> None:
            faq = checked(Faq(name, question.strip(), answer.strip()), "the draft")
            self._support.knowledge.publish(name, faq)

        return await self._did(request, publish)

    async def drop(self, request: Request, name: Short) -> Response:
        """Throw a draft away."""
        return await self._did(request, lambda agent: self._support.knowledge.drop(name))

    async def both(self, request: Request, one: Short, other: Short) -> Response:
        """Keep two questions that are alike."""
        return await self._did(request, lambda agent: self._support.knowledge.keep_both(one, other))

    async def withdraw(self, request: Request, name: Short) -> Response:
        """Take a question out."""
        return await self._did(request, lambda agent: self._support.knowledge.withdraw([name]))

    async def _did(self, request: Request, work: Callable[[str], object]) -> Response:
        async def to_review(_: str) -> Response:
            return go(PAGE)

        return await self._deeds(request, work, partial(self._page, request), to_review)

    async def _page(self, request: Request, agent: str, status: int = 200, **more: Any) -> Response:
        def look() -> dict[str, Any]:
            support = self._support
            support.desk.here(agent)
            return {
                "drafts": support.knowledge.drafts(),
                "heaps": support.review.heaps(),
                "pairs": support.review.pairs(),
                "known": len(support.knowledge.index),
            }

        values = await self._does(request, "manage", look)
        return self._show(
            request, "review.html", status, agent=agent, here="review", **values, **more
        )
