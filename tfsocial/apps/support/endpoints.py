"""Customer service over HTTP: what a channel sends, what agents do, what is known, who goes.

A key that may `embed` with the model speaks for customers; one that may `manage` it is an agent's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from tfsocial.apps.does import Does
from tfsocial.apps.support import reading
from tfsocial.apps.support.knowledge import Faq, as_row, of_row
from tfsocial.apps.support.records import Reply
from tfsocial.apps.support.service import Support
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.dialects.plain import ANSWERS

TalkName = Annotated[str, Path(min_length=1, max_length=64)]
Key = Annotated[str, Field(min_length=1, max_length=200, description="The same again is no other.")]
# A bound has pydantic look into a text: half a character is refused there.
Text = Annotated[str, Field(max_length=100_000)]
Person = Annotated[str, Field(max_length=200, description="Whose talk it is, for erasure.")]


class Body(BaseModel):
    """What is sent."""

    model_config = ConfigDict(extra="forbid")


class Message(Body):
    key: Key
    text: Text = Field(examples=["Where is my parcel?"])
    person: Person = ""
    slots: dict[Text, Text] = Field({}, description="What is known of them, as an order's number.")


class PersonPlease(Body):
    key: Key
    person: Person = ""


class Thumb(Body):
    key: Key
    to: Text = Field(description="Key of the message that was replied to.")
    up: bool
    person: Person = ""


class Claim(Body):
    key: Key
    agent: str = Field(min_length=1, max_length=200)


class AgentMessage(Claim):
    text: Text


class Both(Body):
    one: Text
    other: Text


class Endpoints:
    """The routes of a service.

    Args:
        masked: what is kept of a text, and read by the model.
        does: does things for a request's caller.
    """

    def __init__(self, support: Support, masked: Callable[[str], str], does: Does):
        self._support, self._masked, self._does = support, masked, does
        self.router = APIRouter(prefix="/support", responses=ANSWERS)
        for method, path, answer in (
            ("POST", "/talks/{talk}/messages", self.say),
            ("POST", "/talks/{talk}/person", self.person_please),
            ("POST", "/talks/{talk}/thumbs", self.thumb),
            ("GET", "/talks/{talk}", self.talk),
            ("GET", "/desk", self.desk),
            ("POST", "/talks/{talk}/claim", self.claim),
            ("POST", "/talks/{talk}/answers", self.answer),
            ("POST", "/talks/{talk}/resolve", self.resolve),
            ("GET", "/questions", self.questions),
            ("POST", "/questions", self.put_many),
            ("PUT", "/questions/{name}", self.put),
            ("DELETE", "/questions/{name}", self.withdraw),
            ("GET", "/talks/{talk}/suggestions", self.suggestions),
            ("GET", "/unanswered", self.unanswered),
            ("GET", "/alike", self.alike),
            ("POST", "/alike", self.keep_both),
            ("GET", "/drafts", self.drafts),
            ("PUT", "/drafts/{name}", self.propose),
            ("POST", "/drafts/{name}/publish", self.publish),
            ("DELETE", "/drafts/{name}", self.drop),
            ("GET", "/persons/{person}", self.export),
            ("DELETE", "/persons/{person}", self.forget),
        ):
            self.router.add_api_route(path, answer, methods=[method])

    # --- the customer's side ---------------------------------------------------------------

    async def say(self, request: Request, talk: TalkName, body: Message) -> Reply:
        """Answer a message from what is stored, or have a person answer."""
        say = partial(
            self._support.say, talk, body.key, self._masked(body.text), body.person, body.slots
        )
        return await self._does(request, "embed", say)

    async def person_please(self, request: Request, talk: TalkName, body: PersonPlease) -> Reply:
        """Hand the talk over to a person."""
        hand_over = partial(self._support.person_please, talk, body.key, body.person)
        return await self._does(request, "embed", hand_over)

    async def thumb(self, request: Request, talk: TalkName, body: Thumb) -> Reply:
        """Say whether a reply helped."""
        keep = partial(self._support.thumb, talk, body.key, body.to, body.up, body.person)
        return await self._does(request, "embed", keep)

    async def talk(self, request: Request, talk: TalkName) -> dict[str, Any]:
        """Show a talk: its state, and all that was said."""
        found = await self._does(request, "embed", partial(self._support.talk, talk))
        turns = [asdict(turn) for turn in found.turns]
        return {"state": found.state, "agent": found.agent, "reason": found.reason, "turns": turns}

    # --- the agents' side ------------------------------------------------------------------

    async def desk(self, request: Request) -> list[dict[str, Any]]:
        """List the talks that wait for a person or have one; who waits longest comes first."""
        caller: Caller = request.scope["state"]["caller"]
        look = partial(self._support.inbox, caller.credential)
        return [asdict(one) for one in await self._does(request, "manage", look)]

    async def suggestions(self, request: Request, talk: TalkName) -> list[dict[str, Any]]:
        """List what may answer the talk's last message, however unsure."""
        found = await self._does(request, "manage", partial(self._support.suggested, talk))
        return [{"score": hit.score, **as_row(hit.faq)} for hit in found]

    async def claim(self, request: Request, talk: TalkName, body: Claim) -> None:
        """Take a talk."""
        await self._does(
            request, "manage", partial(self._support.claim, talk, body.key, body.agent)
        )

    async def answer(self, request: Request, talk: TalkName, body: AgentMessage) -> None:
        """Write to the customer."""
        text = self._masked(body.text)
        write = partial(self._support.answer_as, talk, body.key, body.agent, text)
        await self._does(request, "manage", write)

    async def resolve(self, request: Request, talk: TalkName, body: Claim) -> None:
        """Give a talk back to the program: it is settled."""
        await self._does(
            request, "manage", partial(self._support.resolve, talk, body.key, body.agent)
        )

    # --- what is known ---------------------------------------------------------------------

    async def questions(self, request: Request) -> list[dict[str, Any]]:
        """List what is known."""

        def known() -> list[Faq]:
            return list(self._support.knowledge.index.faqs)

        return [as_row(faq) for faq in await self._does(request, "manage", known)]

    async def put(self, request: Request, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a question live, or live in another form."""

        def put() -> Faq:
            faq = of_row({**body, "id": name}, "body")
            self._support.knowledge.put([faq])
            return faq

        return as_row(await self._does(request, "manage", put))

    async def put_many(self, request: Request) -> dict[str, int]:
        """Make questions live, one of JSON a line (NDJSON); all of them or none."""
        body = await request.body()

        def put() -> int:
            return self._support.knowledge.put(reading.of_lines(body, "body"))

        return {"changed": await self._does(request, "manage", put)}

    async def withdraw(self, request: Request, name: str) -> None:
        """Take a question out."""
        await self._does(request, "manage", partial(self._support.knowledge.withdraw, [name]))

    # --- what it lacks ---------------------------------------------------------------------

    async def unanswered(self, request: Request) -> list[dict[str, Any]]:
        """List what is asked and not answered, in heaps that ask nearly the same."""
        heaps = await self._does(request, "manage", self._support.review.heaps)
        return [asdict(heap) for heap in heaps]

    async def alike(self, request: Request) -> list[dict[str, Any]]:
        """List pairs of questions that are nearly the same, with the same answer or another."""
        pairs = await self._does(request, "manage", self._support.review.pairs)
        return [asdict(pair) for pair in pairs]

    async def keep_both(self, request: Request, body: Both) -> None:
        """Say that both of a pair are right."""
        keep = partial(self._support.knowledge.keep_both, body.one, body.other)
        await self._does(request, "manage", keep)

    async def drafts(self, request: Request) -> list[dict[str, Any]]:
        """List the questions that are proposed."""
        found = await self._does(request, "manage", self._support.knowledge.drafts)
        return [{"by": one.by, "talk": one.talk, "at": one.at, **as_row(one.faq)} for one in found]

    async def propose(self, request: Request, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Propose a question; customers hear of it when it is published."""
        caller: Caller = request.scope["state"]["caller"]

        def propose() -> Faq:
            faq = of_row({**body, "id": name}, "body")
            self._support.knowledge.propose(faq, caller.credential)
            return faq

        return as_row(await self._does(request, "manage", propose))

    async def publish(self, request: Request, name: str) -> dict[str, Any]:
        """Make a proposed question live."""
        publish = partial(self._support.knowledge.publish, name)
        return as_row(await self._does(request, "manage", publish))

    async def drop(self, request: Request, name: str) -> None:
        """Throw a proposed question away."""
        await self._does(request, "manage", partial(self._support.knowledge.drop, name))

    # --- persons ---------------------------------------------------------------------------

    async def export(self, request: Request, person: str) -> list[dict[str, Any]]:
        """Give all that is kept of a person."""
        events = await self._does(request, "manage", partial(self._support.of_person, person))
        return [asdict(event) for event in events]

    async def forget(self, request: Request, person: str) -> dict[str, int]:
        """Erase what a person said, and that it was they."""
        count = await self._does(request, "manage", partial(self._support.forget, person))
        return {"events": count}
