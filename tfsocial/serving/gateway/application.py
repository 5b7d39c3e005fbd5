"""What may stand behind the gateway's guard beside the models: an application with routes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from starlette.routing import BaseRoute

from tfsocial.serving.gateway.assemble import Gateway


class Application(Protocol):
    """A program whose callers pass the same guard."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What is reached, under a path of its own."""
        ...

    async def start(self) -> None:
        """Get ready; the models answer already, callers wait still."""
        ...

    async def stop(self) -> None:
        """End; nobody calls any more."""
        ...


MakeApplication = Callable[[Gateway], Application]
