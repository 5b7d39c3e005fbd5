"""What endpoints and pages have done for who asks: checked, in a thread, refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from tfsocial.apps.model import ASKING, ITSELF
from tfsocial.errors import InputError
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.dialects.asking import seen_of
from tfsocial.serving.gateway.problems import Problem

T = TypeVar("T")


class Does:
    """Does something for a request's caller.

    Args:
        model: whose verbs are asked of a caller.
    """

    def __init__(self, model: str):
        self._model = model

    async def __call__(self, request: Request, verb: str, work: Callable[[], T]) -> T:
        """Do it in a thread; the database waits for the disk.

        Raises:
            Problem: they may not, or what they sent cannot be.
        """
        caller: Caller = request.scope["state"]["caller"]
        seen = seen_of(request)
        seen.route = request.scope["route"].path
        seen.verb, seen.model = verb, self._model
        caller.check(verb, self._model)
        # What agents make known is read by the program, not for them.
        ASKING.set(caller if verb == "embed" else ITSELF)
        try:
            return await run_in_threadpool(work)
        except InputError as error:
            raise Problem("invalid", str(error)) from None
