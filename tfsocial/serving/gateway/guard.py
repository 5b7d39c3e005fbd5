"""What no request passes without: a key, bounds of size and time, an id, a line in the log."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.door import Door
from tfsocial.serving.gateway.problems import Problem, answer
from tfsocial.serving.gateway.watch.traces import Spans, no_spans

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
# What anybody may ask: whether it lives, and how it is to be asked. All else needs a key, also
# paths at which there is nothing.
PUBLIC = frozenset({"/v2/health/live", "/v2/health/ready", "/openapi.json"})
CLOSE = {"Connection": "close"}  # the rest of a body is not read, so the connection cannot go on
ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


@dataclass
class Seen:
    """What is known of a request when it is answered; handlers fill it in.

    Attributes:
        verb, model, tenant: empty where it did not come so far.
        route: its path without names, as `/v1/classify`.
        status: of HTTP.
        open_ended: whether the answer lasts while the caller stays, so its time says nothing.
    """

    request_id: str
    method: str
    route: str = ""
    verb: str = ""
    model: str = ""
    version: str = ""
    tenant: str = ""
    credential: str = ""
    texts: int = 0
    tokens: int = 0
    status: int = 500
    problem: str = ""
    seconds: float = 0.0
    open_ended: bool = False


class Guard:
    """Stands before an application; what it lets through has `caller` and `seen` in its state.

    Args:
        door: knows who asks.
        most_bytes: of a body; more is refused before it is read.
        seconds: in which a body has to arrive.
        seen: hears of each request when it is answered.
        spans: see `watch.traces`.
        visitor: tells who comes to a page without a key; None: a key is needed there.
    """

    def __init__(
        self,
        app: ASGIApp,
        door: Door,
        most_bytes: int,
        seconds: float,
        seen: Callable[[Seen], None],
        spans: Spans = no_spans,
        visitor: Callable[[Request], Caller | None] = lambda request: None,
    ):
        self._visitor = visitor
        self._app, self._door, self._seen, self._spans = app, door, seen, spans
        self._most, self._seconds = most_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        seen = Seen(_request_id(scope), scope["method"])
        scope.setdefault("state", {})["seen"] = seen

        async def sends(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                own = [(b"x-request-id", seen.request_id.encode()), *HEADERS]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        carrier = dict(Headers(scope=scope))
        try:
            with self._spans(f"{seen.method} request", carrier) as told:
                await self._answer(scope, receive, sends, seen)
                for name, value in (("request_id", seen.request_id), ("route", seen.route)):
                    told(name, value)
                told("status", seen.status)
        finally:
            seen.seconds = time.perf_counter() - began
            self._seen(seen)

    async def _answer(self, scope: Scope, receive: Receive, sends: Send, seen: Seen) -> None:
        try:
            await self._let_in(scope, seen)  # before a byte of the body is read
            body = await self._body(receive)
            await self._app(scope, _replayed(body, receive), sends)
        except Problem as problem:  # raised where no handler of the application stands
            seen.problem = problem.kind
            await answer(scope["path"], problem)(scope, receive, sends)

    async def _let_in(self, scope: Scope, seen: Seen) -> None:
        if scope["path"] not in PUBLIC:
            headers = Headers(scope=scope)
            caller = self._visitor(Request(scope)) or await self._door.caller(
                headers.get("authorization", ""), headers.get("x-api-key", "")
            )
            seen.tenant, seen.credential = caller.tenant, caller.credential
            scope["state"]["caller"] = caller
        refused = _too_long(scope, self._most)
        if refused is not None:
            raise refused

    async def _body(self, receive: Receive) -> bytes:
        """Read a body while it is neither too long nor too late.

        Raises:
            Problem: it is.
        """
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    if len(body) > self._most:
                        raise _over(self._most)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            detail = f"the request did not arrive within {self._seconds:g} s"
            raise Problem("too_slow", detail, headers=CLOSE) from None
        raise Problem("too_slow", "the connection ended before the request was whole")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give an application a body that was read; what comes after it is the connection's end."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _too_long(scope: Scope, most: int) -> Problem | None:
    said = dict(scope["headers"]).get(b"content-length", b"0")
    return _over(most) if said.isdigit() and int(said) > most else None


def _over(most: int) -> Problem:
    # The rest of the body is not read, so the connection cannot go on.
    return Problem(
        "too_large",
        f"the request has above {most} bytes; send fewer",
        headers={"Connection": "close"},
    )


def _request_id(scope: Scope) -> str:
    said = dict(scope["headers"]).get(b"x-request-id", b"")
    return said.decode() if ID.fullmatch(said) else secrets.token_hex(8)
