"""What all dialects over HTTP do with a request before and after it is answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.calls import Answered, Ask, Calls, Text
from tfsocial.serving.gateway.guard import Seen
from tfsocial.serving.gateway.problems import Problem

SECONDS_HEADER = "request-timeout"
SUBJECT_HEADER = "x-subject"  # whose texts they are, for the audit alone


class Asking:
    """Has the texts of requests answered."""

    def __init__(self, calls: Calls):
        self.calls = calls

    def caller(self, request: Request) -> Caller:
        """Tell who asks; the guard has let them in."""
        return request.scope["state"]["caller"]

    async def answered(
        self,
        request: Request,
        verb: str,
        model: str,
        texts: Sequence[Text],
        version: str = "",
        seconds: float | None = None,
    ) -> Answered:
        """Have texts answered for who asks; see `Calls`."""
        caller, seen = self.caller(request), seen_of(request)
        name = model or self._only()
        seen.verb, seen.model = verb, self.calls.models.known(name)
        subject = request.headers.get(SUBJECT_HEADER, "")
        until = seconds or seconds_of(request)
        ask = Ask(caller, verb, name, texts, version, until, seen.request_id, subject)
        found = await self.calls(ask)
        seen.version = str(found.version.number)
        seen.texts, seen.tokens = len(texts), found.tokens
        return found

    def _only(self) -> str:
        if not self.calls.models.only:
            raise Problem("invalid", "model: several are served here; name one")
        return self.calls.models.only


def seen_of(request: Request) -> Seen:
    """Give what is noted of a request."""
    return request.scope["state"]["seen"]


def seconds_of(request: Request) -> float | None:
    """Read how long a caller waits: the header Request-Timeout, seconds.

    Raises:
        Problem: it is no such number.
    """
    said = request.headers.get(SECONDS_HEADER)
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise Problem("invalid", "Request-Timeout: has to be a number of seconds above 0")
    return seconds


async def json_of(request: Request) -> Any:
    """Read a body as JSON.

    Raises:
        Problem: it is none.
    """
    return parsed(await request.body())


def parsed(body: bytes) -> Any:
    """Read bytes as JSON.

    Raises:
        Problem: they are none.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise Problem("invalid", f"the body is no JSON ({reason})") from None
