"""What may stand behind the gateway's guard beside the models: an application with routes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.routing import BaseRoute

from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.assemble import Gateway


class Application(Protocol):
    """A program whose callers pass the same guard."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What is reached, under a path of its own."""
        ...

    def visitor(self, request: Request) -> Caller | None:
        """Tell who comes without a key, to a page; None: a key is needed at this path.

        Raises:
            Problem: it is a page, and the request is not to be answered.
        """
        ...

    async def start(self) -> None:
        """Get ready; the models answer already, callers wait still."""
        ...

    async def stop(self) -> None:
        """End; nobody calls any more."""
        ...


MakeApplication = Callable[[Gateway], Application]
